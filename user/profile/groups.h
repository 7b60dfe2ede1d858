/* SPDX-License-Identifier: MIT */
/*
 * Frames grouped by what they are looked at as: functions, lines, files or modules. Several
 * profiles can share one grouping, which is how two of them are compared.
 */
#pragma once
#include "user/profile/totals.h"

enum groups_key { GROUPS_FUNCTION, GROUPS_LINE, GROUPS_FILE, GROUPS_MODULE, GROUPS_KEYS };

struct group {
	const char *name;     /* what it is called; of a line its function */
	const char *location; /* "file.py:12", "file.py"; "" for none */
	/* of the first frame seen: a module, a file may have many functions */
	const struct profile_function *function;
	int32_t line; /* 0: it has none */
};

struct groups;

/* With `moved`, functions are the same wherever in their file they stand, as one edits a program.
 */
struct groups *groups__new(enum groups_key key, const struct view *v, bool moved);
void groups__free(struct groups *g);
/* The group of each frame of `p`, by frame id; the caller frees. `p` must outlive the grouping. */
uint32_t *groups__add(struct groups *g, const struct profile *p);
/* Ids are 1..count. */
uint32_t groups__count(const struct groups *g);
const struct group *groups__at(const struct groups *g, uint32_t id);

/* The sums of a group in one profile. */
struct group_row {
	const struct group *group;
	uint32_t id;
	struct totals_row sum;
};
/*
 * Groups that have samples, the largest own time first; the caller frees. Of lines the own time has what they call that has no line, native
 * code and waits.
 */
struct group_row *groups__rows(const struct groups *g, const uint32_t *of_frame, const struct view *v,
			       const struct profile *p, size_t *cnt);
