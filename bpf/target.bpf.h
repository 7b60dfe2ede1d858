/* Is this task ours, which process image is it, which layout has its interpreter. */
#pragma once
#include "bpf/maps.bpf.h"

#ifndef PYBPF_HOST
/* Cheap, no map writes: must this task be sampled at all? */
bool target_wanted(struct task_struct *task);
/* The process's entry, made at first sight; NULL when the table is full. */
struct abi_proc *target_proc(struct task_struct *task);
/* Tries to find the interpreter of a process whose state is not settled; announces it to user space. */
void target_identify(struct abi_proc *p, struct task_struct *task, struct scratch *s);
#endif
