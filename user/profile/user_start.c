/* SPDX-License-Identifier: MIT */
#include "user/profile/user_start.h"
#include "user/profile/task_frames.h"
#include "user/util/alloc.h"

#define FAR_FRAMES  6
#define LEAST_SHARE 20 /* of all values a 20th */

static const struct profile_function *function_of(const struct profile *p, uint32_t stack)
{
	return &p->functions[p->frames[p->stacks[stack].frame].function];
}

static enum view_class class_of(const struct profile *p, uint32_t stack)
{
	return view__class(function_of(p, stack));
}

bool *user_start__stacks(const struct profile *p)
{
	bool *has = xcalloc((size_t)p->stack_cnt + 1, sizeof(*has));

	for (uint32_t s = 1; s <= p->stack_cnt; s++)
		has[s] = has[p->stacks[s].parent] || class_of(p, s) == VIEW_USER || task_frame__is(function_of(p, s));
	return has;
}

bool user_start__is_far(const struct view *v, const struct profile *p)
{
	__cleanup_free bool *has = user_start__stacks(p);
	__cleanup_free uint32_t *before = xcalloc((size_t)p->stack_cnt + 1, sizeof(*before));
	double frames = 0, with = 0, all = 0;

	for (uint32_t s = 1; s <= p->stack_cnt; s++) {
		enum view_class class = class_of(p, s);

		before[s] = before[p->stacks[s].parent] + (!has[s] && (class == VIEW_SITE || class == VIEW_STDLIB));
	}
	for (size_t i = 0; i < p->bucket_cnt; i++) {
		uint32_t stack = p->buckets[i].stack;
		double value = (double)view__value(v, &p->buckets[i]);

		all += value;
		with += has[stack] ? value : 0;
		frames += has[stack] ? value * before[stack] : 0;
	}
	return with > 0 && with * LEAST_SHARE >= all && frames >= with * FAR_FRAMES;
}
