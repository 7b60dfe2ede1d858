/* SPDX-License-Identifier: MIT */
/*
 * Two recordings side by side, A before and B after: functions (or lines, files, modules) that are
 * the same in both, what each had, and which changes are beyond chance. Functions are the same when
 * module, qualified name and file are, wherever in the file they stand.
 */
#pragma once
#include "user/profile/chance.h"
#include "user/profile/groups.h"

struct diff_options {
	const struct view *view;
	enum groups_key key;
	bool absolute; /* compare amounts as they are; otherwise shares of each run */
};

struct diff_row {
	const struct group *group;
	struct totals_row a, b;
	struct chance_change own, total;
	bool own_found, total_found; /* beyond chance, also among so many */
};

struct diff {
	const struct profile *a, *b;
	struct diff_options options;
	struct view view_a, view_b; /* that of the options, each with the type's number in that recording */
	struct chance_run run_a, run_b;
	struct groups *groups;
	uint32_t *frames_a, *frames_b; /* group of each frame */
	struct diff_row *rows;         /* the largest change of own time first */
	size_t cnt, own_found_cnt, total_found_cnt;
};

/* Both profiles must outlive it. */
struct diff *diff__new(const struct diff_options *o, const struct profile *a, const struct profile *b);
void diff__free(struct diff *d);

/* How a recording is looked at: of the two alike, but for numbers of types. */
const struct view *diff__view(const struct diff *d, const struct profile *p);

/* The change of a part, in the terms of this comparison. */
struct chance_change diff__change(const struct diff *d, const struct chance_part *in_a, const struct chance_part *in_b);
/* By how many percent a change is, of what it was; infinite for something new. */
double diff_ratio(const struct chance_change *c);
