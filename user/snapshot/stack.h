/* One thread's stack at one moment, tried until the thread held still for it. */
#pragma once
#include "user/os/memory.h"
#include "user/python/tstates.h"
#include "user/snapshot/hold.h"
#include "user/snapshot/snapshot.h"
#include "user/snapshot/walker.h"

/* What all threads of a process are read with. */
struct stack_reader {
	pid_t pid;
	const struct py_build *build;
	const struct snapshot_options *options;
	struct memory *memory;
	struct walker *walker;
	struct py_locals_reader locals;
	struct hold hold;
};

/*
 * Fills in the thread whose numbers are there already. 0, -ESRCH when it has ended meanwhile, or -EAGAIN when the
 * state is not, or no longer, that of the thread it was listed for.
 */
int stack_read(struct stack_reader *r, const struct py_tstate *ts, struct snapshot_thread *t);
void stack_free(struct snapshot_thread *t);
