/* SPDX-License-Identifier: MIT */
/*
 * Which files are Python interpreters, each looked at once, and which one a process has mapped. Keyed by
 * (device, inode, time of the last change): names say nothing.
 */
#pragma once
#include "user/os/procfs.h"
#include "user/python/build.h"

struct interpreter {
	struct abi_file file;
	char *path; /* as the process that showed it first has it */
	struct py_build build;
	uint32_t layout_id; /* ABI_LAYOUT_UNSUPPORTED when it cannot be walked */
	bool used;          /* while interpreters are being forgotten */
};

struct interpreters;

/* Called (unless NULL) for each newly found interpreter, to upload it; a layout id may come again with another file. */
typedef void (*interpreter_fn)(void *ctx, const struct interpreter *i);

struct interpreters *interpreters__new(interpreter_fn found, void *ctx);
void interpreters__free(struct interpreters *t);

/*
 * Containers come and go, and each has files of its own: are there so many that those which nobody uses are to be
 * forgotten? Then interpreters__use() those that somebody does, and interpreters__forget() the others. They are looked
 * at again when they are met.
 */
bool interpreters__is_crowded(const struct interpreters *t);
void interpreters__use(const struct interpreter *i);
void interpreters__forget(struct interpreters *t);

/* What asyncio says in a file of its own goes with the layout of the program that has mapped it, and is announced by `found`. */
void interpreters__set_asyncio(struct interpreters *t, uint32_t layout_id, const struct py_asyncio_debug *debug);

/* The interpreter whose layout has this id; NULL when none. */
const struct interpreter *interpreters__by_layout(const struct interpreters *t, uint32_t layout_id);

/*
 * A process may hold several: a plug-in has brought one of its own, or was linked to another one. `rank`: how much
 * speaks for it to be the one that runs, higher with each of its threads that is in a Python function.
 */
enum interpreter_rank { INTERPRETER_NOT_STARTED = 1, INTERPRETER_OTHER, INTERPRETER_IDLE };
struct interpreter_found {
	const struct interpreter *interp;
	uint64_t runtime_addr;
	unsigned rank; /* from INTERPRETER_IDLE on: so many more threads run; OTHER: one that cannot be walked */
};
/* All of them, the best first. As below. */
int interpreters__list(struct interpreters *t, pid_t pid, struct interpreter_found *found, size_t max, size_t *cnt);

/*
 * Looks at the mappings of `pid`. 0: `*out` is its interpreter (supported or not) and `*runtime_addr` the address of
 * _PyRuntime. -ENOENT: no Python in it (or only its parent's, until it execs); -ESRCH: gone; -EPERM: may not look.
 */
int interpreters__discover(struct interpreters *t, pid_t pid, const struct interpreter **out, uint64_t *runtime_addr);

/* Does it hold any? Asked before there is a table; nothing is said of it. */
bool interpreters__is_python(pid_t pid);

/* How many children of `pid`, and theirs, hold Python; only the first 64 are looked at. */
size_t interpreters__children(struct interpreters *t, pid_t pid);

/* Does its program name libpython among the libraries that the loader brings in, whether it is there yet or not? */
bool interpreters__is_linked(pid_t pid);

/*
 * How the kernel side can find `i` in every process that runs the same program as `pid`. -ENOENT when the
 * program neither holds it nor imports anything from it by itself (it loads Python as a plug-in).
 */
int interpreters__program(pid_t pid, const struct interpreter *i, struct abi_program *out);
