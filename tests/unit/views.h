/* SPDX-License-Identifier: MIT */
/* For tests of writers: a format's output in memory, and the views that each of them is asked for.
 */
#pragma once
#include "tests/unit/small_profile.h"
#include "user/format/format.h"
#include "user/util/buf.h"

static const struct view test_views[] = {
	{0},
	{.threads = true},
	{.by_function = true, .full_filenames = true},
	{.no_lines = true, .title = "T"},
	{.gil_only = true},
};
#define TEST_VIEWS (sizeof(test_views) / sizeof(*test_views))

static inline struct buf written(const struct format *f, const struct profile *p, const struct view *v)
{
	struct buf out = {0};
	FILE *stream = open_memstream(&out.data, &out.len);

	assert_int_equal(f->write(p, v, stream), 0);
	fclose(stream);
	return out;
}

/* CPU time and samples of a view. */
static inline struct profile_bucket sum_of(const struct profile *p, const struct view *v)
{
	struct profile_bucket sum = {0};

	for (size_t i = 0; i < p->bucket_cnt; i++) {
		sum.samples += view__samples(v, &p->buckets[i]);
		sum.value += view__value(v, &p->buckets[i]);
	}
	return sum;
}

/* A profile without a single fact. */
static inline struct profile *empty_profile(void)
{
	return profile_builder__finish(profile_builder__new(true));
}
