/* SPDX-License-Identifier: MIT */
/*
 * pprof's message (github.com/google/pprof, proto/profile.proto): of a file, where it has all types and labels that say whose each
 * sample is; or of what a back end gets, where it has what is asked for and nothing that leaks or multiplies series.
 */
#pragma once
#include "user/format/pprof_tables.h"
#include <stdio.h>

struct pprof_options {
	bool is_file;      /* all types; labels for process, thread and the rest; comments */
	bool thread_names; /* else: the label `thread_name`, by pool_name() */
	uint32_t type;     /* else: the only one */
	uint64_t start_unix_ns, duration_ns, period;
	size_t text_max, stack_max; /* as in struct pprof_tables; 0: no limit */
	uint32_t depth_max;
};

struct pprof;

/* Bytes go to `out`, which stays open. */
struct pprof *pprof__new(const struct profile *p, const struct view *v, const struct pprof_options *o, FILE *out);
void pprof__add(struct pprof *w, const struct profile_bucket *b);
/* Writes what was added, and frees it. 0 or negative errno. */
int pprof__finish(struct pprof *w);

/* How many samples (stacks with labels, added up) and bytes, at most, the message has so far. */
size_t pprof__samples(const struct pprof *w);
size_t pprof__bytes(const struct pprof *w);
/* How many more bytes it has at most with this one. */
size_t pprof__bytes_of(const struct pprof *w, const struct profile_bucket *b);
/* A type's name as Pyroscope takes it, which it parses. Caller frees. */
char *pprof_type_name(const char *name);
