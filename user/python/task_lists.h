/* SPDX-License-Identifier: MIT */
/* Where asyncio keeps its tasks, and which loop a thread runs. */
#pragma once
#include "user/python/awaitables.h"
#include "user/python/tstates.h"

#define ASYNCIO_TASKS "asyncio.tasks" /* the module */

/* Addresses of what may be tasks, also twice, and also done ones. */
struct task_list {
	uint64_t *found;
	size_t found_cnt, found_cap;
	uint64_t *current; /* … and of those that run */
	size_t current_cnt, current_cap;
	bool is_cut; /* there are more */
};

/* Adds those of an interpreter; `module` is the dict of its ASYNCIO_TASKS. The caller frees the two arrays. */
void task_list_of_interp(struct awaitables *a, uint64_t interp, uint64_t module, struct task_list *out);
/* … of one of its threads; up to 3.13 they have none. */
void task_list_of_thread(struct awaitables *a, uint64_t thread, struct task_list *out);
/* The loop that this thread runs; 0: none. */
uint64_t task_running_loop(struct awaitables *a, uint64_t thread);
