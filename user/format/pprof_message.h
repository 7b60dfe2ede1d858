/* SPDX-License-Identifier: MIT */
/* pprof's message while it is made: what pprof.c and pprof_samples.c share. */
#pragma once
#include "user/format/pprof.h"

/* Of the top-level message of profile.proto. */
enum pprof_field {
	PPROF_SAMPLE_TYPE = 1,
	PPROF_SAMPLE,
	PPROF_MAPPING,
	PPROF_LOCATION,
	PPROF_FUNCTION,
	PPROF_STRING_TABLE,
	PPROF_TIME_NANOS = 9,
	PPROF_DURATION_NANOS,
	PPROF_PERIOD_TYPE,
	PPROF_PERIOD,
	PPROF_COMMENT,
	PPROF_DEFAULT_SAMPLE_TYPE,
};

struct pprof_samples {
	struct buf *labels;      /* of a file, by thread, as they are in a Sample; empty: not made yet */
	struct intern *contents; /* a Sample without values and `gil` → index of its sums */
	/* By content, held the GIL or not, and then samples and the values of each type. */
	uint64_t *sums;
	size_t sum_cap, width;
	uint64_t *values; /* room for those of one sample */
	size_t bytes;     /* of the contents with their values, at most */
};

struct pprof {
	const struct profile *p;
	const struct view *v; /* of all types; its own is the default one */
	struct view all;
	struct pprof_options o;
	FILE *out;
	struct pprof_tables tables;
	struct pprof_samples samples;
};

void pprof_samples__init(struct pprof *w);
void pprof_samples__free(struct pprof *w);
/* All that were added. */
void pprof_samples__put(struct pprof *w);
/* With --timestamps: one by one, as they come. 0 or negative errno. */
int pprof_samples__put_each(struct pprof *w);
/* Hands a finished message on to the file and empties it. */
void pprof_put(struct pprof *w, enum pprof_field field, struct buf *message);
