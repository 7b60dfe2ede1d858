/* SPDX-License-Identifier: MIT */
/*
 * Texts of code that has no file, where the process itself still has them: in linecache, where notebooks (IPython),
 * attrs, timeit and many others put what they compile, and in the test that doctest is running. Memory is hostile:
 * lengths, numbers and reads are capped.
 */
#pragma once
#include "user/os/memory.h"
#include "user/python/build.h"

#define HELD_TEXT_MAX 60000u /* bytes of a text; of a longer one there is none */

struct held_source {
	const char *file;  /* as code objects have it, clean */
	const char *text;  /* its lines, clean; NULL: not said here */
	const char *label; /* "In [7]"; NULL: not said here */
	bool is_file;      /* it is on a disk after all */
};

struct held_sink {
	bool (*wanted)(void *ctx, const char *file);
	/* At most twice for a file of an interpreter: its text, and what it is called. */
	void (*found)(void *ctx, const struct held_source *s);
	void *ctx;
};

void held_sources_read(const struct py_build *build, uint64_t runtime_addr, memory_read_fn read, void *read_ctx,
		       const struct held_sink *to);
