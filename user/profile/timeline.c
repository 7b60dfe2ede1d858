/*
 * Samples come in the order in which the CPUs gave them, some of them late; here they are put into
 * that of time, by one pass that counts (the buckets know already) and one that places.
 */
#include "user/profile/timeline.h"
#include "user/util/alloc.h"

struct placing {
	const struct view *v;
	struct timeline *t;
	size_t *limits; /* by thread: of what was counted */
};

/* A file that grew or changed meanwhile never writes beyond what was counted. */
static int place(void *arg, const struct profile_sample *s)
{
	struct placing *to = arg;
	size_t *end = &to->t->ends[s->thread];

	if ((to->v->gil_only && s->gil != PROFILE_GIL_HELD) || *end == to->limits[s->thread])
		return 0;
	to->t->samples[(*end)++] = (struct timeline_sample){
		.time_unix_ns = s->time_unix_ns,
		.value_ns = s->value_ns,
		.stack = s->stack,
		.cpu = s->cpu,
		.gil = s->gil,
		.truncated = s->truncated,
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

/* Places the samples of each thread between its own two limits. */
static int place_all(struct placing *to, const struct profile *p)
{
	struct timeline *t = to->t;
	int err;

	for (uint32_t i = 1; i <= p->thread_cnt; i++)
		t->ends[i] = to->limits[i - 1];
	err = profile__each_sample(p, place, to);
	for (uint32_t i = 1; i <= p->thread_cnt; i++) {
		size_t begin = to->limits[i - 1];

		put_in_order(t->samples + begin, t->ends[i] - begin);
	}
	return err;
}

/* Where there were fewer than counted, the rest moves up: threads follow each other without gaps.
 */
static void close_gaps(struct placing *to, const struct profile *p)
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
	struct placing to = {
		.v = v,
		.t = t,
		.limits = xcalloc((size_t)p->thread_cnt + 1, sizeof(*to.limits)),
	};
	int err;

	t->ends = xcalloc((size_t)p->thread_cnt + 1, sizeof(*t->ends));
	for (size_t i = 0; i < p->bucket_cnt; i++)
		to.limits[p->buckets[i].thread] += view__samples(v, &p->buckets[i]);
	for (uint32_t i = 1; i <= p->thread_cnt; i++)
		to.limits[i] += to.limits[i - 1];
	t->samples = xcalloc(to.limits[p->thread_cnt] + 1, sizeof(*t->samples));
	err = place_all(&to, p);
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

const struct timeline_sample *timeline__thread(const struct timeline *t, uint32_t thread,
					       size_t *cnt)
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
	uint64_t last = *end_ns;
	uint64_t begin = s->time_unix_ns > s->value_ns ? s->time_unix_ns - s->value_ns : 0;
	bool follows = last && begin <= last + s->value_ns / 2;

	*end_ns = (follows ? last : begin) + s->value_ns;
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
		if (end - s->value_ns < begin)
			begin = end - s->value_ns;
	}
	return begin == UINT64_MAX ? 0 : begin;
}
