/* SPDX-License-Identifier: MIT */
/* Samples added up while a profile is built; of builder.c only. */
#pragma once
#include "user/profile/profile.h"
#include "user/util/pair_map.h"

#define BUCKETS_BATCH 64 /* samples added up together; their buckets are fetched side by side */

/* All zeros is ready for use. */
struct buckets {
	struct pair_map maps[PROFILE_MAX_TYPES]; /* (context, stack) → index in the profile's buckets + 1 */
	struct pair_map contexts;                /* (thread, task) → a number that stands for both */
	struct profile_sample batch[BUCKETS_BATCH];
	size_t batch_cnt, cap;
};

/* False: the sample is none, whatever else will be said. */
bool buckets__add(struct buckets *b, struct profile *p, const struct profile_sample *s);
/* Adds what waits for others to be added with. */
void buckets__flush(struct buckets *b, struct profile *p);
/*
 * Those of threads that `ended` says (by id) become those of thread 0. `moved`: by bucket, where what it had is now.
 */
void buckets__fold(struct buckets *b, struct profile *p, const bool *ended, uint32_t *moved);
/* Drops what nothing defined into `damage`, which is by type, adds up the rest in the profile, and frees. */
void buckets__settle(struct buckets *b, struct profile *p, struct profile_loss *damage);
