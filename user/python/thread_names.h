/*
 * Python's own names of threads, from `threading._active` of a live process: {ident: Thread}, then
 * Thread._name. Reads through a callback, so it works on a process and on a test's image alike. The
 * target is not stopped: every pointer and length is checked, every loop is bounded, and a name that
 * cannot be read for sure is left out.
 */
#pragma once
#include "user/python/build.h"

/* Copies `len` bytes at `addr` of the target; 0 or negative errno. */
typedef int (*memory_read_fn)(void *ctx, uint64_t addr, void *out, size_t len);
struct thread_name_sink {
	bool (*wanted)(void *ctx, uint64_t ident); /* most of the work is left out for others; NULL: all are */
	/* One name: ident as threading.get_ident() has it; `name` is clean UTF-8. */
	void (*found)(void *ctx, uint64_t ident, const char *name);
	void *ctx;
};

/*
 * Finds the name of each thread, those of the main interpreter first: what it calls a thread counts before what a
 * sub-interpreter does. 0, or negative errno.
 */
int thread_names_read(const struct py_build *build, uint64_t runtime_addr, memory_read_fn read,
		      void *read_ctx, const struct thread_name_sink *to);
