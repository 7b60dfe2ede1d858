/* Is this task ours, which process image is it, which layout has its interpreter. */
#pragma once
#include "bpf/maps.bpf.h"

#ifndef PYBPF_HOST
/*
 * The entry of the task's process, made at first sight. ABI_OK; or, without an entry, why: ABI_NOT_TARGET
 * when it must not be sampled, ABI_EXITING, ABI_PROC_TABLE_FULL.
 */
u32 target_find(struct task_struct *task, u64 mm, u32 flags, struct abi_proc **out);
/* The current process's tgid when its tasks are to be sampled, else 0. */
u32 target_current(void);
/* Tries to find the interpreter of a process whose state is not settled; announces it to user space. */
void target_identify(struct abi_proc *p, struct task_struct *task, struct scratch *s);
/* Its interpreter ran nothing at this tick either: if it never has, it may be the wrong one of several. */
void target_doubt(struct abi_proc *p, u64 now);
#endif
