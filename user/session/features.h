/* What the running kernel and our privileges allow. Asked cheaply before loading, in depth when it fails. */
#pragma once
#include "bpf/abi.h"

struct bpf_object;

/* 0, or -EPERM with the missing capabilities named. */
int features_check_privileges(void);
/* How this kernel lets a sampled task read names itself, if it does. A guess by its version. */
enum abi_task_work features_expect_task_work(void);
/* Before loading: makes `obj` look for no other way than this one. */
void features_use_task_work(struct bpf_object *obj, enum abi_task_work way);
/* Loading failed with `err` (negative errno): says why in plain words, as far as can be found out. */
int features_explain(int err);
