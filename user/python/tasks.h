/* SPDX-License-Identifier: MIT */
/*
 * The tasks of asyncio in a live process: of every loop, with the coroutines that each is in and the tasks that wait for
 * it. The process is not stopped; what does not fit together is left out, and everything is bounded.
 */
#pragma once
#include "user/os/memory.h"
#include "user/python/asyncio_debug.h"
#include "user/python/tstates.h"

#define PY_TASKS_MAX    10000
#define PY_AWAITERS_MAX 16

/* One that is not done, as asyncio.all_tasks() has them. */
struct py_task {
	uint64_t addr, loop, interp;
	char *name; /* clean UTF-8 */
	bool not_started;
	bool is_current;      /* of a thread: it runs */
	uint64_t waits_for;   /* a future that is not done; 0: none, so it will go on as soon as it is its turn */
	char *waits_type;     /* of that future */
	uint64_t *coroutines; /* their frames, from the task's own coroutine to what it awaits in the end */
	size_t coroutine_cnt;
	bool is_cut;                          /* it awaits more than that */
	uint64_t awaited_by[PY_AWAITERS_MAX]; /* addresses of tasks */
	size_t awaited_by_cnt;
};

struct py_loop {
	uint64_t addr, interp;
	char *type;      /* of the loop, as "uvloop.Loop" */
	uint64_t thread; /* state of the thread that runs it; 0: none */
};

struct py_tasks {
	struct py_task *items; /* by name: Task-2 before Task-10 */
	size_t cnt, cap;
	struct py_loop *loops;
	size_t loop_cnt, loop_cap;
	bool is_cut;     /* there are more */
	bool is_unknown; /* asyncio of this build is laid out in a way that is not known: tasks may be missing */
};

struct py_tasks_reader {
	const struct py_build *build;
	const struct py_asyncio_debug *debug; /* task_bytes 0: none */
	memory_read_fn read;
	void *ctx;
};

/* Whether any of their interpreters has imported asyncio. */
bool py_tasks_are_there(const struct py_tasks_reader *r, const struct py_tstates *threads);
/* Those of all interpreters of these threads. */
void py_tasks_read(const struct py_tasks_reader *r, const struct py_tstates *threads, struct py_tasks *out);
void py_tasks_free(struct py_tasks *t);

/* Numbers in names are compared as such. */
int py_task_name_compare(const char *a, const char *b);
