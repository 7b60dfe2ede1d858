/* SPDX-License-Identifier: MIT */
/* Native frames of an inspection: read with each thread, then named and merged into the threads' stacks. */
#pragma once
#include "user/inspect/inspect.h"
#include "user/inspect/native_stack.h"

struct process_natives;

/* Of a process and its interpreter, which must live longer; reads its mappings and their files' tables. NULL: they cannot be read; said. */
struct process_natives *process_natives__new(pid_t pid, const struct interpreter *interp);
void process_natives__free(struct process_natives *n);
/* The stack of a thread that does not run, by its memory. Caller frees; NULL: nothing is known. */
struct abi_native *process_natives__read(const struct process_natives *n, struct memory *memory,
					 const struct task_call *call, const struct native_stack_runs *runs);
/* Puts the native frames of all threads into their stacks. `all`: the interpreter's own, too. */
void process_natives__merge(struct process_natives *n, struct inspection *s, bool all);
