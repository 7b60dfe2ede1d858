/*
 * The call trees of two recordings laid over each other: a node for each path that either has, with
 * the time of both. Paths are made of functions without lines, and of processes and threads by what
 * they are called, so that moved lines and other PIDs still meet.
 */
#pragma once
#include "user/profile/diff.h"

struct diff_node {
	const char *text; /* of one of the trees, and as long alive */
	uint32_t parent, child, next, depth;
	bool is_frame; /* not all, a process or a thread */
	enum profile_origin origin;
	struct chance_part a, b; /* at or below */
	bool found;              /* its change is beyond chance, also among so many */
};

/* Node 0 is the root; parents come before their children, which are sorted by text. */
struct diff_tree {
	struct diff_node *nodes;
	uint32_t count, depth;
};

struct diff_tree *diff_tree__new(const struct diff *d);
void diff_tree__free(struct diff_tree *t);
