/* SPDX-License-Identifier: MIT */
/*
 * Names of threads, code objects and source texts in the memory of a live process, whose author may have put it where nothing
 * answers: read by the worker (user/os/worker.h), each in one go.
 */
#pragma once
#include "user/python/code_object.h"
#include "user/python/held_sources.h"
#include "user/python/thread_names.h"
#include <sys/types.h>

/* Threads whose names are looked for. */
struct aside_names {
	pid_t pid;
	uint64_t runtime_addr, active; /* 0: not known yet */
	bool all;                      /* whatever is below */
	bool strangers;                /* those whose ident is not among `idents` */
	uint64_t *idents;              /* that are known; most of the work is left out for the first `named_cnt` */
	size_t named_cnt, ident_cnt;
};

/* Calls `found` for each, and improves `q->active`. 0 or negative errno. */
int aside_thread_names(struct aside_names *q, const struct py_build *build,
		       void (*found)(void *ctx, const struct python_thread *t), void *ctx);

/* Files whose texts are looked for: their names, each with a zero behind it. */
struct aside_sources {
	pid_t pid;
	uint64_t runtime_addr;
	const char *names;
	size_t names_len;
};
/*
 * Calls `found` for what the process has, as held_sources_read(), and for each that is a file with nothing but its name; so for
 * those with a whole path of which it has nothing, without `is_file`.
 * 0 or negative errno.
 */
int aside_sources(const struct aside_sources *q, const struct py_build *build,
		  void (*found)(void *ctx, const struct held_source *s), void *ctx);

/* As code_object_read(). */
struct aside_code {
	pid_t pid;
	uint64_t code_addr, globals_addr;
	size_t table_max;
};
int aside_code_object(const struct aside_code *q, const struct py_build *build, struct code_object *out);
