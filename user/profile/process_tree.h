/* SPDX-License-Identifier: MIT */
/*
 * Who started whom, of the processes of a profile: a pid is given again, so the parent is the last one of that pid that is
 * older than the child. A parent that the profile has nothing of is in the tree when it holds several together.
 */
#pragma once
#include "user/profile/profile.h"

struct process_tree;

/* Of a profile as it is now, which may be one that grows (profile_builder__peek). */
struct process_tree *process_tree__new(const struct profile *p);
void process_tree__free(struct process_tree *t);
/* The parent of a process; 0: none. An id of the profile's or one of those below. */
uint32_t process_tree__parent(const struct process_tree *t, uint32_t process);

/* Parents that the profile has nothing of have ids from here on, by their pids. */
#define PROCESS_TREE_OUTSIDE 0x80000000u
static inline bool process_tree_is_outside(uint32_t process)
{
	return process & PROCESS_TREE_OUTSIDE;
}
static inline uint32_t process_tree_pid(uint32_t outside)
{
	return outside & ~PROCESS_TREE_OUTSIDE;
}
