/* SPDX-License-Identifier: MIT */
/*
 * Hours of samples are more than viewers open. What is too much becomes less by adding up a thread's equal samples
 * within a slice of time, which keeps every sum and, to within a slice, every time.
 */
#pragma once
#include "user/profile/timeline.h"

struct timeline_limit {
	uint64_t max; /* of the sum of sizes */
	/* The bytes or items that a sample adds to the output; `before` is the thread's one before it, NULL for the first. */
	uint64_t (*size)(void *ctx, const struct timeline_sample *s, const struct timeline_sample *before);
	uint64_t (*key)(void *ctx, const struct timeline_sample *s); /* equal samples have equal keys */
	void *ctx;
};

/* Gives the slice, the shortest of those tried that fits; 0 when all fitted as it was. */
uint64_t timeline__fit(struct timeline *t, const struct profile *p, const struct timeline_limit *limit);
