/* SPDX-License-Identifier: MIT */
/* The stack of one thread, read again until it is of one moment. */
#pragma once
#include "user/os/memory.h"
#include "user/python/tstates.h"
#include "user/inspect/inspect.h"
#include "user/inspect/process_natives.h"
#include "user/inspect/walker.h"
#include "user/target/whole_path.h"

/* Shared by the threads of a process. */
struct stack_reader {
	pid_t pid;
	const struct py_build *build;
	const struct inspect_options *options;
	struct memory *memory;
	struct walker *walker;
	struct py_locals_reader locals;
	struct whole_paths paths;
	struct process_natives *natives; /* NULL: not wanted */
};

/*
 * Fills in the thread whose numbers are there already. 0, -ESRCH when it has ended meanwhile, or -EAGAIN when the
 * state is not, or no longer, that of the thread it was listed for.
 */
int stack_read(struct stack_reader *r, const struct py_tstate *ts, struct inspect_thread *t);
/* The same of a thread without a Python state: what it does, and its native stack. */
int stack_read_other(struct stack_reader *r, struct inspect_thread *t);
/* Names a frame that was walked; of its locals nothing. */
void stack_name_frame(struct stack_reader *r, const struct walked_frame *from, struct inspect_frame *f);
void stack_free_frames(struct inspect_frame *frames, size_t cnt);
void stack_free(struct inspect_thread *t);
