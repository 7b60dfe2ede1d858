/* SPDX-License-Identifier: MIT */
/*
 * Samples come in the order in which the CPUs gave them, some of them late; here they are put into
 * that of time, by one pass that counts (the buckets know already) and one that puts them there.
 */
#include "user/profile/timeline.h"
#include "user/util/alloc.h"

struct filling {
	const struct view *v;
	struct timeline *t;
	size_t *limits; /* by thread: of what was counted */
	bool moments;   /* values are no times */
};

/* A file that grew or changed meanwhile never writes beyond what was counted. */
static int put_sample(void *arg, const struct profile_sample *s)
{
	struct filling *to = arg;
	size_t *end = &to->t->ends[s->thread];

	if (!view__takes(to->v, s) || *end == to->limits[s->thread])
		return 0;
	to->t->samples[(*end)++] = (struct timeline_sample){
		.time_unix_ns = s->time_unix_ns,
		.value = s->value,
		.stack = s->stack,
		.cpu = s->cpu,
		.gil = s->gil,
		.truncated = s->truncated != 0,
		.moment = to->moments,
	};
	return 0;
}

static int earlier(const void *a, const void *b)
{
	const struct timeline_sample *x = a, *y = b;

	if (x->time_unix_ns != y->time_unix_ns)
		return x->time_unix_ns < y->time_unix_ns ? -1 : 1;
	return x->cpu != y->cpu ? (x->cpu < y->cpu ? -1 : 1) : 0;
}

/* Nearly always in order: sorting is for those that are not. */
static void put_in_order(struct timeline_sample *samples, size_t cnt)
{
	for (size_t i = 1; i < cnt; i++) {
		if (earlier(&samples[i - 1], &samples[i]) > 0) {
			qsort(samples, cnt, sizeof(*samples), earlier);
			return;
		}
	}
}

/* Puts the samples of each thread between its own two limits. */
static int put_all(struct filling *to, const struct profile *p)
{
	struct timeline *t = to->t;
	int err;

	for (uint32_t i = 1; i <= p->thread_cnt; i++)
		t->ends[i] = to->limits[i - 1];
	err = profile__each_sample(p, put_sample, to);
	for (uint32_t i = 1; i <= p->thread_cnt; i++) {
		size_t begin = to->limits[i - 1];

		put_in_order(t->samples + begin, t->ends[i] - begin);
	}
	return err;
}

/* Threads of which there were fewer samples than counted leave no gap: the rest moves up. */
static void close_gaps(struct filling *to, const struct profile *p)
{
	struct timeline *t = to->t;
	size_t at = 0;

	for (uint32_t i = 1; i <= p->thread_cnt; i++) {
		for (size_t k = to->limits[i - 1]; k < t->ends[i]; k++)
			t->samples[at++] = t->samples[k];
		t->ends[i] = at;
	}
}

struct timeline *timeline__new(const struct view *v, const struct profile *p)
{
	struct timeline *t = xcalloc(1, sizeof(*t));
	struct filling to = {
		.v = v,
		.t = t,
		.moments = view__type(v, p)->unit != PROFILE_NANOSECONDS,
		.limits = xcalloc((size_t)p->thread_cnt + 1, sizeof(*to.limits)),
	};
	int err;

	t->ends = xcalloc((size_t)p->thread_cnt + 1, sizeof(*t->ends));
	for (size_t i = 0; i < p->bucket_cnt; i++)
		to.limits[p->buckets[i].thread] += view__samples(v, &p->buckets[i]);
	for (uint32_t i = 1; i <= p->thread_cnt; i++)
		to.limits[i] += to.limits[i - 1];
	t->samples = xcalloc(to.limits[p->thread_cnt] + 1, sizeof(*t->samples));
	err = put_all(&to, p);
	close_gaps(&to, p);
	free(to.limits);
	if (!err)
		return t;
	timeline__free(t);
	return NULL;
}

void timeline__free(struct timeline *t)
{
	if (!t)
		return;
	free(t->samples);
	free(t->ends);
	free(t);
}

const struct timeline_sample *timeline__thread(const struct timeline *t, uint32_t thread, size_t *cnt)
{
	size_t begin = thread ? t->ends[thread - 1] : 0;

	*cnt = thread ? t->ends[thread] - begin : 0;
	return t->samples + begin;
}

/*
 * Ticks of a thread that stays on its CPU follow each other at intervals a little longer than their
 * values (the rest went to others), and one that changes CPUs is ticked by two clocks. So half a
 * value of slack on one side is no pause, and an overlap pushes the sample back.
 */
bool timeline_lay(uint64_t *end_ns, const struct timeline_sample *s)
{
	uint64_t last = *end_ns, span = timeline_span(s);
	uint64_t begin = s->time_unix_ns > span ? s->time_unix_ns - span : 0;
	bool follows = last && begin <= last + span / 2;

	*end_ns = (follows ? last : begin) + span;
	return follows;
}

uint64_t timeline__begin(const struct timeline *t, const struct profile *p)
{
	uint64_t begin = p->meta.start_unix_ns ? p->meta.start_unix_ns : UINT64_MAX;

	for (uint32_t i = 1; i <= p->thread_cnt; i++) {
		uint64_t end = 0;
		size_t cnt;
		const struct timeline_sample *s = timeline__thread(t, i, &cnt);

		if (!cnt)
			continue;
		timeline_lay(&end, s);
		if (end - timeline_span(s) < begin)
			begin = end - timeline_span(s);
	}
	return begin == UINT64_MAX ? 0 : begin;
}
