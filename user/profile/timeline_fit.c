/* SPDX-License-Identifier: MIT */
/*
 * The right slice is found with the longest thread alone: adding up all threads for each slice that is tried would
 * take most of the time of a conversion.
 */
#include "user/profile/timeline_fit.h"
#include "user/util/alloc.h"
#include "user/util/pair_map.h"
#include <string.h>

#define FIRST_SLICE 40000000ull /* ns; each next one is four times as long */
#define LAST_SLICE  (FIRST_SLICE << 14)

/* Samples of one thread. */
struct span {
	struct timeline_sample *at;
	size_t cnt;
};

static struct span span_of(const struct timeline *t, uint32_t thread)
{
	struct span s = {0};

	s.at = (struct timeline_sample *)timeline__thread(t, thread, &s.cnt);
	return s;
}

/* Stops where it is more than `most`. */
static uint64_t size_of(const struct timeline_limit *l, struct span s, uint64_t most)
{
	uint64_t size = 0;

	for (size_t i = 0; i < s.cnt && size <= most; i++)
		size += l->size(l->ctx, &s.at[i], i ? &s.at[i - 1] : NULL);
	return size;
}

static bool fits(const struct timeline *t, const struct profile *p, const struct timeline_limit *l)
{
	uint64_t size = 0;

	for (uint32_t i = 1; i <= p->thread_cnt && size <= l->max; i++)
		size += size_of(l, span_of(t, i), l->max - size);
	return size <= l->max;
}

static uint64_t begin_of(const struct timeline_sample *s)
{
	return s->time_unix_ns > timeline_span(s) ? s->time_unix_ns - timeline_span(s) : 0;
}

/* Lays a slice's sums end to end, not before the last slice's; gives where they end. */
static uint64_t lay(struct span slice, uint64_t begin_ns, uint64_t last_end_ns)
{
	uint64_t end = begin_ns > last_end_ns ? begin_ns : last_end_ns;

	for (size_t i = 0; i < slice.cnt && !slice.at->moment; i++) {
		end += timeline_span(&slice.at[i]);
		slice.at[i].time_unix_ns = end;
	}
	return slice.cnt ? end : last_end_ns;
}

/* In place: equal samples within a slice become one, at the position of the first. Gives how many there are then. */
static size_t add_up(const struct timeline_limit *l, struct span s, uint64_t slice_ns)
{
	uint64_t origin = s.cnt ? s.at->time_unix_ns : 0, number = 0, begin = 0, end = 0;
	struct pair_map sums = {0}; /* key → index + 1 of its last sum */
	size_t first = 0, cnt = 0;  /* of this slice's sums; of all sums */

	for (size_t i = 0; i < s.cnt; i++) {
		uint64_t now = (s.at[i].time_unix_ns - origin) / slice_ns, key = l->key(l->ctx, &s.at[i]);
		uint32_t *sum = pair_map__slot(&sums, (uint32_t)(key >> 32), (uint32_t)key);

		if (!i || now != number) {
			end = lay((struct span){s.at + first, cnt - first}, begin, end);
			first = cnt;
			number = now;
			begin = begin_of(&s.at[i]);
		}
		if (*sum > first) {
			s.at[*sum - 1].value += s.at[i].value;
			continue;
		}
		s.at[cnt++] = s.at[i];
		*sum = (uint32_t)cnt;
	}
	lay((struct span){s.at + first, cnt - first}, begin, end);
	pair_map__free(&sums);
	return cnt;
}

static void add_up_all(struct timeline *t, const struct profile *p, const struct timeline_limit *l, uint64_t slice_ns)
{
	size_t kept = 0, begin = 0;

	for (uint32_t i = 1; i <= p->thread_cnt; i++) {
		struct span s = {t->samples + begin, t->ends[i] - begin};
		size_t cnt = add_up(l, s, slice_ns);

		memmove(t->samples + kept, s.at, cnt * sizeof(*s.at));
		begin = t->ends[i];
		kept += cnt;
		t->ends[i] = kept;
	}
}

/* The first slice with which all would fit, if the other threads were like the longest. */
static uint64_t slice_for_longest(const struct timeline *t, const struct profile *p, const struct timeline_limit *l)
{
	struct span longest = {0}, copy;
	uint64_t slice = FIRST_SLICE, most;
	size_t all = t->ends[p->thread_cnt];

	for (uint32_t i = 1; i <= p->thread_cnt; i++)
		if (span_of(t, i).cnt > longest.cnt)
			longest = span_of(t, i);
	most = (uint64_t)((double)l->max * (double)longest.cnt / (double)all);
	copy = (struct span){xcalloc(longest.cnt, sizeof(*copy.at)), longest.cnt};
	memcpy(copy.at, longest.at, longest.cnt * sizeof(*copy.at));
	for (;; slice *= 4) {
		copy.cnt = add_up(l, copy, slice);
		if (slice >= LAST_SLICE || size_of(l, copy, most) <= most)
			break;
	}
	free(copy.at);
	return slice;
}

uint64_t timeline__fit(struct timeline *t, const struct profile *p, const struct timeline_limit *limit)
{
	uint64_t slice = 0;

	while (slice < LAST_SLICE && !fits(t, p, limit)) {
		slice = slice ? slice * 4 : slice_for_longest(t, p, limit);
		add_up_all(t, p, limit, slice);
	}
	return slice;
}
