/* SPDX-License-Identifier: MIT */
#include "user/profile/collector.h"
#include "user/profile/waits.h"

uint64_t collector_value(const struct view *v, const struct profile *p)
{
	uint32_t function = 0;
	uint64_t sum = 0;

	for (uint32_t i = 1; i <= p->function_cnt && !function; i++)
		if (wait__is_collector(&p->functions[i]))
			function = i;
	for (size_t i = 0; function && i < p->bucket_cnt; i++) {
		const struct profile_bucket *b = &p->buckets[i];

		if (b->stack && p->frames[p->stacks[b->stack].frame].function == function)
			sum += view__value(v, b);
	}
	return sum;
}
