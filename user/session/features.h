/* What the running kernel and our privileges allow. Asked cheaply before loading, in depth when it fails. */
#pragma once
#include <stdbool.h>

/* 0, or -EPERM with the missing capabilities named. */
int features_check_privileges(void);
/* Is the kernel new enough for names read by the sampled task itself (task work)? A guess by its version. */
bool features_expect_task_work(void);
/* Loading failed with `err` (negative errno): says why in plain words, as far as can be found out. */
int features_explain(int err);
