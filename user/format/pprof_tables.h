/* SPDX-License-Identifier: MIT */
/*
 * What samples refer to in pprof's format and in OpenTelemetry's: texts, mappings, functions and locations, each by a number from 1 in
 * the order of first sight; 0 is "" and none. Nothing is there twice.
 */
#pragma once
#include "user/profile/view.h"
#include "user/util/buf.h"
#include "user/util/intern.h"
#include "user/util/pair_map.h"

/* Numbers of texts. */
struct pprof_function {
	uint32_t name, system_name, file, first_line;
};

/* A location is a mapping, and lines: of what was inlined, the innermost first, and then of the frame itself. */
struct pprof_line {
	uint32_t function_id;
	int32_t line;
};

struct pprof_tables {
	const struct profile *p;
	const struct view *v;
	/* What back ends take; 0: no limit. A stack that is too deep or has too long names loses its root, and says so. */
	size_t text_max, stack_max;
	uint32_t depth_max;
	bool by_file; /* of an interpreter's file there is one mapping, whatever its version */

	struct intern *texts;
	struct intern *mappings;  /* "path\nversion" */
	struct intern *functions; /* struct pprof_function */
	struct intern *locations; /* mapping, struct pprof_line… */
	size_t bytes;             /* of all of them in a message, at most */

	uint64_t *stack; /* the one at hand: numbers of locations, the leaf first */
	size_t stack_cap;
	struct buf inlined; /* struct pprof_line…, of the location at hand */
	struct pair_map mapping_of, function_of, known;
};

/* Of a struct that has what was asked for and is zero otherwise. */
void pprof_tables__init(struct pprof_tables *t, const struct profile *p, const struct view *v);
void pprof_tables__free(struct pprof_tables *t);

uint32_t pprof_tables__text(struct pprof_tables *t, const char *text);
/* Numbers of a stack's locations into `t->stack`; returns how many. */
size_t pprof_tables__stack(struct pprof_tables *t, uint32_t process, uint32_t stack);
/* What a stack adds to `bytes` at most, with the numbers of its locations in a sample. */
size_t pprof_tables__stack_bytes(const struct pprof_tables *t, uint32_t process, uint32_t stack);
/* What any frame of the profile adds at most. */
size_t pprof_tables__frame_bytes_max(const struct profile *p, size_t text_max);

/* Of a number: NUL-terminated path of a mapping, never empty (the caller frees); function; mapping and lines of a location. */
char *pprof_tables__mapping(const struct pprof_tables *t, uint32_t id);
struct pprof_function pprof_tables__function(const struct pprof_tables *t, uint32_t id);
uint32_t pprof_tables__location(const struct pprof_tables *t, uint32_t id, struct cursor *lines);
bool pprof_tables__next_line(struct cursor *lines, struct pprof_line *out);
