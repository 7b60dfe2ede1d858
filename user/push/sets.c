/* SPDX-License-Identifier: MIT */
/* Samples are put into their sets by counting, once for all groups: a node has a thousand of them. */
#include "user/push/sets.h"
#include "user/format/pprof_tables.h"
#include "user/util/alloc.h"
#include <string.h>

#define NONE SIZE_MAX

/* The set that a sample is of, by group and type; NONE: it is not sent. */
static size_t set_of(const struct push_window *w, const struct profile_bucket *b)
{
	uint32_t process = w->p->threads[b->thread].process, group = w->group_of[process];

	return b->samples && group && group <= w->group_cnt ? (group - 1) * (size_t)w->p->type_cnt + b->type : NONE;
}

/* Where the buckets of each set begin; behind the last, how many they are. */
static size_t *count(const struct push_window *w, size_t sets)
{
	size_t *from = xcalloc(sets + 1, sizeof(*from)), sum = 0;

	for (size_t i = 0; i < w->p->bucket_cnt; i++) {
		size_t set = set_of(w, &w->p->buckets[i]);

		if (set != NONE)
			from[set]++;
	}
	for (size_t i = 0; i <= sets; i++) {
		size_t cnt = from[i];

		from[i] = sum;
		sum += cnt;
	}
	return from;
}

static void add_set(struct push_sets *s, const struct push_window *w, size_t set, size_t from, size_t to)
{
	if (from == to)
		return;
	s->items[s->cnt++] = (struct push_set){.group = &w->groups[set / w->p->type_cnt],
					       .type = (uint32_t)(set % w->p->type_cnt),
					       .buckets = &s->buckets[from],
					       .cnt = to - from};
}

static void fill(struct push_sets *s, const struct push_window *w, size_t *from, size_t sets)
{
	size_t begin = 0;

	for (size_t i = 0; i < w->p->bucket_cnt; i++) {
		size_t set = set_of(w, &w->p->buckets[i]);

		if (set != NONE)
			s->buckets[from[set]++] = &w->p->buckets[i];
	}
	/* now each has where it ends */
	for (size_t i = 0; i < sets; i++) {
		add_set(s, w, i, begin, from[i]);
		begin = from[i];
	}
}

static void find_periods(struct push_sets *s, const struct profile *p)
{
	uint64_t samples[PROFILE_MAX_TYPES] = {0}, values[PROFILE_MAX_TYPES] = {0};

	for (size_t i = 0; i < p->bucket_cnt; i++) {
		samples[p->buckets[i].type] += p->buckets[i].samples;
		values[p->buckets[i].type] += p->buckets[i].value;
	}
	for (size_t i = 0; i < PROFILE_MAX_TYPES; i++)
		s->period[i] = samples[i] ? (values[i] + samples[i] / 2) / samples[i] : 0;
}

static size_t longest_interpreter(const struct profile *p)
{
	size_t most = 0;

	for (uint32_t i = 1; i <= p->process_cnt; i++) {
		size_t len = strlen(p->processes[i].interpreter);

		most = len > most ? len : most;
	}
	return most;
}

static uint32_t deepest(const struct profile *p)
{
	__cleanup_free uint32_t *depth = xcalloc((size_t)p->stack_cnt + 1, sizeof(*depth));
	uint32_t most = 0;

	for (uint32_t i = 1; i <= p->stack_cnt; i++) {
		depth[i] = p->stacks[i].parent < i ? depth[p->stacks[i].parent] + 1 : PUSH_DEPTH_MAX;
		most = depth[i] > most ? depth[i] : most;
	}
	return most < PUSH_DEPTH_MAX ? most : PUSH_DEPTH_MAX;
}

void push_sets__init(struct push_sets *s, const struct push_window *w)
{
	size_t sets = w->group_cnt * (size_t)w->p->type_cnt;
	__cleanup_free size_t *from = count(w, sets);

	*s = (struct push_sets){.view = {.all_types = true}};
	s->buckets = xcalloc(from[sets] + 1, sizeof(*s->buckets));
	s->items = xcalloc(sets + 1, sizeof(*s->items));
	fill(s, w, from, sets);
	find_periods(s, w->p);
	s->sample_bytes_max = (deepest(w->p) + 1) * pprof_tables__frame_bytes_max(w->p, PUSH_TEXT_MAX) +
			      longest_interpreter(w->p) + PUSH_TEXT_MAX + 1024;
}

void push_sets__free(struct push_sets *s)
{
	free(s->items);
	free(s->buckets);
}

const struct push_type_names *push_type_names(const char *type)
{
	/* Pyroscope has these names from its own profilers; of its OTLP it makes process_cpu and off_cpu by just these forms. */
	static const struct push_type_names rows[] = {
		{.type = "cpu", .profile = "process_cpu", .otlp = "cpu", .is_counted = true},
		{.type = "offcpu", .profile = "off_cpu", .otlp = "off_cpu", .no_period = true},
		{.type = "faults", .profile = "memory"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (!strcmp(rows[i].type, type))
			return &rows[i];
	return NULL;
}
