/* SPDX-License-Identifier: MIT */
/*
 * Native stacks of threads that do not run, read from outside. /proc says where such a thread is and where its stack begins;
 * the rest is as in the kernel side's bpf/native.bpf.c, by the same tables.
 */
#pragma once
#include "user/os/memory.h"
#include "user/os/tasks.h"
#include "user/target/native_spaces.h"

/* On this processor. */
bool native_stack_is_known(void);

/* Where stacks are unwound: the process's mappings with its files, and its memory. */
struct native_stack_reader {
	const struct native_space *space;
	struct unwind_rules *rules;
	memory_read_fn read;
	void *ctx;
};

/* Where the walk of its Python frames saw the evaluator entered: addresses on the C stack, leaf first. */
struct native_stack_runs {
	const uint64_t *entries;
	const struct abi_run *runs;
	uint32_t cnt;
};

/* With the runs where they are found on it; `call` is of a thread that does not run. Caller frees; NULL: nothing is known. */
struct abi_native *native_stack_read(const struct native_stack_reader *r, const struct task_call *call,
				     const struct native_stack_runs *runs);
