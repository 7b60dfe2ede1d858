/* SPDX-License-Identifier: MIT */
/* The threads of a process as the kernel has them. All of it may be stale the moment it is read. */
#pragma once
#include "user/os/causes.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct task {
	pid_t tid;
	pid_t inner_tid; /* in its own pid namespace; the same as `tid` outside containers */
	char name[64];   /* clean UTF-8 */
};

/* All threads; the caller frees `*out`. 0 or -ESRCH. */
int tasks_list(pid_t pid, struct task **out, size_t *cnt);

/* Its name now, in place of an older one, which stays when it has ended: false. */
bool task_read_name(pid_t pid, struct task *t);

/* Its number in its own pid namespace; the same as `tid` outside containers, and when it has ended. */
pid_t task_inner_tid(pid_t pid, pid_t tid);

/* From /proc/PID/task/TID/stat. */
struct task_state {
	char letter;    /* R, S, D, T, t, Z, X … (Documentation/filesystems/proc.rst) */
	unsigned flags; /* PF_* */
};
int task_state(pid_t pid, pid_t tid, struct task_state *out);
/* It is gone, or waits to be reaped. */
bool task_has_ended(pid_t pid, pid_t tid);

/* The number of its context switches so far, voluntary or not. 0 or negative errno. */
int task_switches(pid_t pid, pid_t tid, uint64_t *out);

/*
 * The system call it is blocked in (/proc/PID/task/TID/syscall). The kernel answers only after it has seen the thread
 * off the CPU, so `off_cpu` is proof that at some moment of the call it was not running.
 */
struct task_call {
	bool off_cpu;
	long number; /* -1: blocked, but not in a system call */
	uint64_t first_arg, second_arg;
	uint64_t sp, ip; /* in user space; 0: not known */
};
int task_call(pid_t pid, pid_t tid, struct task_call *out);
/* What kind of file a descriptor of the process is; CALL_FILE_OTHER too when it is not to be had. */
enum call_file task_file(pid_t pid, uint64_t fd);
