/* SPDX-License-Identifier: MIT */
/* pprof's message while it is written: what pprof.c and pprof_samples.c share. */
#pragma once
#include "user/format/pb.h"
#include "user/profile/function_ids.h"
#include "user/util/intern.h"
#include <stdio.h>

struct pprof {
	const struct profile *p;
	const struct view *v; /* of all types; its own is the default one */
	FILE *out;
	struct function_ids *function_ids;
	struct intern *texts;     /* id = index in string_table, whose 0 is "" */
	struct intern *mappings;  /* "path\nversion" → mapping id */
	struct intern *locations; /* mapping, struct pprof_line… → location id */
};

/* A location is a mapping, and lines: of what was inlined, the innermost first, and then of the frame itself. */
struct pprof_line {
	uint32_t function_id;
	int32_t line;
};

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

uint32_t pprof_text_id(struct pprof *w, const char *text);
/* Hands a finished message on to the file and empties it. */
void pprof_put(struct pprof *w, enum pprof_field field, struct buf *message);

/* All samples; defines the texts, mappings and locations that they refer to. 0 or negative errno. */
int pprof_put_samples(struct pprof *w);
