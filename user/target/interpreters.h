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
};

struct interpreters;

/* Called for each newly found interpreter, to upload it; a layout id may come again with another file. */
typedef void (*interpreter_fn)(void *ctx, const struct interpreter *i);

struct interpreters *interpreters__new(interpreter_fn found, void *ctx);
void interpreters__free(struct interpreters *t);

/* The interpreter whose layout has this id; NULL when none. */
const struct interpreter *interpreters__by_layout(const struct interpreters *t, uint32_t layout_id);

/*
 * Looks at the mappings of `pid`. 0: `*out` is its interpreter (supported or not) and `*runtime_addr`
 * the address of _PyRuntime. -ENOENT: no Python in it; -ESRCH: gone; -EPERM: may not look.
 */
int interpreters__discover(struct interpreters *t, pid_t pid, const struct interpreter **out,
			   uint64_t *runtime_addr);

/*
 * How the kernel side can find `i` in every process that runs the same program as `pid`. -ENOENT when the
 * program neither holds it nor imports anything from it by itself (it loads Python as a plug-in).
 */
int interpreters__program(pid_t pid, const struct interpreter *i, struct abi_program *out);
