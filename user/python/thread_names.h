/* SPDX-License-Identifier: MIT */
/*
 * Python's own names of threads, from `threading._active` of a live process: {ident: Thread}, then Thread._name. Reads
 * through a callback, so it works on a process and on a test's image alike. The target is not stopped: every pointer
 * and length is checked, every loop is bounded, and a name that cannot be read for sure is left out.
 */
#pragma once
#include "user/os/memory.h"
#include "user/python/build.h"

/* A threading.Thread. */
struct python_thread {
	uint64_t ident;     /* as threading.get_ident() has it */
	uint64_t native_id; /* Thread._native_id, the number in its own pid namespace; 0: not known */
	const char *name;   /* clean UTF-8 */
};

struct thread_name_sink {
	bool (*wanted)(void *ctx, uint64_t ident); /* most of the work is left out for others; NULL: all are */
	void (*found)(void *ctx, const struct python_thread *t);
	void *ctx;
	uint64_t *
		active; /* kept from one reading to the next, 0 at first: where the main interpreter's dict is; NULL: not kept */
};

/*
 * True when this is the Thread object of the task that has its ident now. An ident is given again as soon as a thread
 * has ended, and objects that were made for threads of others (_DummyThread) stay behind. A process's first thread
 * keeps its ident; after a fork its object still has the number that the thread had in the parent (_after_fork()).
 */
static inline bool python_thread_is(uint64_t native_id, bool leader, uint64_t inner_tid)
{
	return leader || !native_id || native_id == inner_tid;
}

/*
 * Finds the name of each thread, those of the main interpreter first: what it calls a thread counts before what a
 * sub-interpreter does. 0, or negative errno.
 */
int thread_names_read(const struct py_build *build, uint64_t runtime_addr, memory_read_fn read, void *read_ctx,
		      const struct thread_name_sink *to);
