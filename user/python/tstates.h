/* SPDX-License-Identifier: MIT */
/*
 * The thread states of a live process: every thread of every interpreter that Python knows. The process is
 * not stopped; a list that changes while it is read is read again.
 */
#pragma once
#include "user/os/memory.h"
#include "user/python/build.h"

struct py_tstate {
	uint64_t addr;
	uint64_t ident;     /* pthread_self() */
	uint32_t inner_tid; /* the thread's number in its own pid namespace; 0 unknown */
	uint64_t gil_addr;  /* struct _gil_runtime_state; 0 unknown */
	uint64_t interp_addr;
	int64_t interp_id; /* 0: the main interpreter */
};

struct py_tstates {
	struct py_tstate *items;
	size_t cnt, cap;
};

/*
 * 0: `out` (the caller frees its items) in the order of the interpreter's list: main interpreter first, oldest thread first.
 * -ESRCH: no interpreter (not started yet, or finalised). -EAGAIN: never two readings alike; `out` is the last.
 * -EFAULT: not readable.
 */
int py_tstates_read(const struct py_build *build, uint64_t runtime_addr, memory_read_fn read, void *ctx,
		    struct py_tstates *out);

/*
 * The state of an interpreter: a library may be mapped without ever being used. `running`: the number of its threads
 * that are in a Python function.
 */
enum py_life { PY_NOT_STARTED, PY_STARTED };
enum py_life py_life_read(const struct py_build *build, uint64_t runtime_addr, memory_read_fn read, void *ctx,
			  size_t *running);

/* True while it is still this thread's: states are handed over when a thread starts, and their memory is used again. */
bool py_tstate_is_current(const struct py_build *build, memory_read_fn read, void *ctx, const struct py_tstate *t);
