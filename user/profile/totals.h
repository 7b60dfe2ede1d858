/* SPDX-License-Identifier: MIT */
/*
 * Sums of groups of frames in a view: pstats groups frames by function key, JSON by name,
 * the report by function and by line. A sample counts once for a group however often it is on the
 * stack.
 */
#pragma once
#include "user/profile/view.h"

struct totals_row {
	uint64_t samples, value;         /* with the group on the stack at least once */
	uint64_t own_samples, own_value; /* with the group at the leaf */
	uint64_t gil_value;              /* of value, holding the GIL */
};

/* Of a pair that stands next to each other on stacks; `own` is what the callee had under this
 * caller. */
struct totals_edge {
	uint32_t caller, callee;
	struct totals_row sum;
};

struct totals {
	struct totals_row all;
	struct totals_row *rows; /* by group; group 0 takes the frames of no group */
	struct totals_edge *edges;
	size_t edge_cnt;
};

/* `groups` says for each frame id which group it belongs to; `group_cnt` is the highest group. */
struct totals *totals__new(const struct view *v, const struct profile *p, const uint32_t *groups, uint32_t group_cnt);
void totals__free(struct totals *t);
