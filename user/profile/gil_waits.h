/* SPDX-License-Identifier: MIT */
/*
 * Who waits for the GIL, and who holds it meanwhile: a stack that waits ends in two synthetic frames, that it does, and the
 * holder in words.
 */
#pragma once
#include "user/profile/profile.h"

#define GIL_TYPE_NAME "gil" /* of such values */
#define GIL_WAIT_NAME "[waits for the GIL]"
#define GIL_HELD_BY   "[held by " /* then thread and function, and "]" */
#define GIL_NOBODY                                                                                                     \
	"[held by nobody: changing hands]" /* who had it has given it up, and who is to have it does not run yet */

struct gil_wait {
	uint32_t thread; /* that waits */
	uint32_t holder; /* the function that says who holds it */
	uint64_t samples, value;
};

/* The largest first, and their sum; none when the profile has no such stack. The caller frees. */
struct gil_wait *gil_waits_of(const struct profile *p, size_t *cnt, struct gil_wait *all);
/* "worker in sort (main.py)". Caller frees. */
char *gil_wait_holder(const struct profile *p, const struct gil_wait *w);
