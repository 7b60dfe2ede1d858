#pragma once
#include "bpf/env.bpf.h"

/*
 * The saved fs base. The kernel saves it when it is set by a system call or the task is switched out; libc
 * sets it once per thread (arch/x86/include/asm/processor.h, struct thread_struct).
 */
static __always_inline u64 arch_thread_pointer(struct task_struct *task)
{
	return task->thread.fsbase;
}
