/* SPDX-License-Identifier: MIT */
/*
 * The call trees of two recordings in one: a node for each path that either has, with the values of both. Paths are made
 * of functions without lines, and of processes and threads by name, so that moved lines and other PIDs still meet.
 */
#pragma once
#include "user/profile/diff.h"

struct diff_tree {
	struct view_tree *tree; /* its values are those of one recording */
	uint64_t *a, *b;        /* at or below each node */
	bool *found;            /* the change of a node is beyond chance, also among so many */
};

/* `of_a`: the values of the tree are those of A, else of B. */
struct diff_tree *diff_tree__new(const struct diff *d, bool of_a);
void diff_tree__free(struct diff_tree *t);
struct chance_change diff_tree__change(const struct diff_tree *t, const struct diff *d, uint32_t node);
