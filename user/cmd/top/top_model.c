/*
 * Fading without a visit to each bucket: a sample is weighted by exp((its time - base) / tau), so that only
 * the scale changes with time. When weights grow beyond a bound the base moves on and everything is
 * scaled once.
 */
#include "user/cmd/top/top_model.h"
#include "user/util/alloc.h"
#include "user/util/pair_map.h"
#include <math.h>
#include <string.h>

#define EXPONENT_MAX   200.0  /* e^200 still leaves room for sums and for what faded */
#define BUCKET_LIMIT   200000 /* from here on ended threads are folded */
#define ENDED_AFTER_NS 60000000000ull

struct top_model {
	struct profile_builder *names; /* NULL: of a profile that was read */
	const struct profile *p;
	struct top_bucket *buckets;
	size_t cnt, cap, limit;
	struct pair_map index; /* (thread, stack) → bucket + 1 */
	uint32_t *dirty;       /* buckets with something waiting */
	size_t dirty_cnt, dirty_cap;
	uint64_t *seen_ns; /* by thread */
	size_t seen_cnt;
	struct top_sums sums, waiting; /* of all buckets */
	double tau_ns;		       /* 0: nothing fades */
	uint64_t window_ns;
	uint64_t base_ns, settled_base_ns; /* where weights are 1: of what waits, of what is settled */
	uint64_t start_ns, recent_from_ns, now_ns;
	uint64_t samples, samples_settled, lost_before, dropped;
	bool changed; /* all is to be added up anew */
	struct top_header header;
};

static void scale(struct top_sums *s, double by)
{
	s->recent *= by;
	s->recent_gil *= by;
}

/* ---- samples ---------------------------------------------------------------------------------------- */

static double age_exponent(const struct top_model *m, uint64_t from_ns, uint64_t to_ns)
{
	return m->tau_ns > 0 ? ((double)to_ns - (double)from_ns) / m->tau_ns : 0;
}

static double weight(struct top_model *m, uint64_t time_ns)
{
	double exponent = age_exponent(m, m->base_ns, time_ns), by;

	if (exponent > EXPONENT_MAX) {
		by = exp(-exponent);
		for (size_t i = 0; i < m->dirty_cnt; i++)
			scale(&m->buckets[m->dirty[i]].waiting, by);
		scale(&m->waiting, by);
		m->base_ns = time_ns;
		exponent = 0;
	}
	return exp(exponent);
}

static uint32_t bucket_of(struct top_model *m, uint32_t thread, uint32_t stack)
{
	uint32_t *slot = pair_map__slot(&m->index, thread, stack);

	if (!*slot) {
		xgrow(m->buckets, m->cnt, m->cap);
		m->buckets[m->cnt] = (struct top_bucket){.thread = thread, .stack = stack};
		*slot = (uint32_t)++m->cnt;
	}
	return *slot - 1;
}

static void see(struct top_model *m, uint32_t thread, uint64_t time_ns)
{
	if (thread >= m->seen_cnt) {
		size_t cnt = (size_t)thread * 2 + 16;

		m->seen_ns = xrealloc(m->seen_ns, cnt * sizeof(*m->seen_ns));
		memset(m->seen_ns + m->seen_cnt, 0, (cnt - m->seen_cnt) * sizeof(*m->seen_ns));
		m->seen_cnt = cnt;
	}
	if (time_ns > m->seen_ns[thread])
		m->seen_ns[thread] = time_ns;
}

static void take_sample(void *ctx, const struct profile_sample *s)
{
	struct top_model *m = ctx;
	struct top_sums more = {.ns = s->value_ns};
	struct top_sums *waiting;
	uint32_t at;

	if (!s->thread || s->thread > m->p->thread_cnt || !s->stack || s->stack > m->p->stack_cnt) {
		m->dropped++;
		return;
	}
	if (s->time_unix_ns < m->start_ns)
		return; /* from before a reset */
	more.recent = (double)s->value_ns * weight(m, s->time_unix_ns);
	if (s->gil == PROFILE_GIL_HELD) {
		more.gil_ns = more.ns;
		more.recent_gil = more.recent;
	}
	at = bucket_of(m, s->thread, s->stack);
	waiting = &m->buckets[at].waiting;
	if (!m->buckets[at].listed) {
		m->buckets[at].listed = true;
		xgrow(m->dirty, m->dirty_cnt, m->dirty_cap);
		m->dirty[m->dirty_cnt++] = at;
	}
	top_sums_add(waiting, &more);
	top_sums_add(&m->waiting, &more);
	m->samples++;
	see(m, s->thread, s->time_unix_ns);
}

/* ---- the rest of the stream: names, losses ----------------------------------------------------------- */

#define FORWARD(kind)                                                                                          \
	static void take_##kind(void *ctx, const struct profile_##kind *x)                                     \
	{                                                                                                      \
		struct profile_sink to = profile_builder__sink(((struct top_model *)ctx)->names);              \
                                                                                                               \
		to.ops->kind(to.ctx, x);                                                                       \
	}
FORWARD(meta)
FORWARD(process)
FORWARD(thread)
FORWARD(function)
FORWARD(frame)
FORWARD(stack)
FORWARD(loss)

struct profile_sink top_model__sink(struct top_model *m)
{
	static const struct profile_sink_ops ops = {
		.meta = take_meta,
		.process = take_process,
		.thread = take_thread,
		.function = take_function,
		.frame = take_frame,
		.stack = take_stack,
		.sample = take_sample,
		.loss = take_loss,
	};

	return (struct profile_sink){&ops, m};
}

const struct profile *top_model__profile(const struct top_model *m)
{
	return m->p;
}

/* ---- settling ---------------------------------------------------------------------------------------- */

/* What is settled takes the scale of what waits. */
static void join_scales(struct top_model *m)
{
	double by = exp(-age_exponent(m, m->settled_base_ns, m->base_ns));

	if (m->settled_base_ns == m->base_ns)
		return;
	for (size_t i = 0; i < m->cnt; i++)
		scale(&m->buckets[i].sums, by);
	scale(&m->sums, by);
	m->settled_base_ns = m->base_ns;
	m->changed = true;
}

/* Buckets of threads that were not seen for long become those of thread 0. */
static void fold_ended(struct top_model *m)
{
	struct top_bucket *old = m->buckets;
	size_t cnt = m->cnt;

	pair_map__free(&m->index);
	m->index = (struct pair_map){0};
	m->buckets = NULL;
	m->cnt = m->cap = 0;
	for (size_t i = 0; i < cnt; i++) {
		bool ended = m->seen_ns[old[i].thread] + ENDED_AFTER_NS < m->now_ns;
		uint32_t at = bucket_of(m, ended ? 0 : old[i].thread, old[i].stack);

		top_sums_add(&m->buckets[at].sums, &old[i].sums);
	}
	free(old);
	if (m->cnt > m->limit / 2)
		m->limit = m->cnt * 2; /* they are distinct stacks */
	m->changed = true;
}

static void count_active(const struct top_model *m, struct top_header *h)
{
	uint64_t span = m->window_ns ? m->window_ns : m->now_ns - m->recent_from_ns;
	uint8_t *seen = xcalloc((size_t)m->p->process_cnt + 1, 1);

	for (uint32_t i = 1; i <= m->p->thread_cnt && i < m->seen_cnt; i++) {
		uint32_t process = m->p->threads[i].process;

		if (!m->seen_ns[i] || m->seen_ns[i] + span < m->now_ns)
			continue;
		h->threads++;
		h->processes += !seen[process];
		seen[process] = 1;
	}
	free(seen);
}

static void make_header(struct top_model *m)
{
	struct top_header *h = &m->header;

	*h = (struct top_header){
		.cpus_busy = top_model__rate(m, m->sums.recent),
		.gil = top_model__rate(m, m->sums.recent_gil),
		.samples = m->samples_settled,
		.lost = profile__failed_cnt(m->p) - m->lost_before + m->dropped,
		.elapsed_ns = m->now_ns > m->start_ns ? m->now_ns - m->start_ns : 0,
		.ns = m->sums.ns,
		.walked = 1,
	};
	if (h->samples + h->lost)
		h->walked = (double)h->samples / (double)(h->samples + h->lost);
	count_active(m, h);
}

bool top_model__settle(struct top_model *m, uint64_t now_ns, top_bucket_fn fn, void *ctx)
{
	bool changed;

	if (now_ns > m->now_ns)
		m->now_ns = now_ns;
	join_scales(m);
	for (size_t i = 0; i < m->dirty_cnt; i++) {
		struct top_bucket *b = &m->buckets[m->dirty[i]];

		if (!m->changed)
			fn(ctx, b, &b->waiting);
		top_sums_add(&b->sums, &b->waiting);
		b->waiting = (struct top_sums){0};
		b->listed = false;
	}
	m->dirty_cnt = 0;
	top_sums_add(&m->sums, &m->waiting);
	m->waiting = (struct top_sums){0};
	m->samples_settled = m->samples;
	if (m->cnt > m->limit)
		fold_ended(m);
	make_header(m);
	changed = m->changed;
	m->changed = false;
	return changed;
}

void top_model__each(const struct top_model *m, top_bucket_fn fn, void *ctx)
{
	for (size_t i = 0; i < m->cnt; i++)
		if (m->buckets[i].sums.ns)
			fn(ctx, &m->buckets[i], &m->buckets[i].sums);
}

const struct top_header *top_model__header(const struct top_model *m)
{
	return &m->header;
}

/* A sum of weights is divided by what it would be with one CPU always busy. */
double top_model__rate(const struct top_model *m, double recent)
{
	double span = (double)m->now_ns - (double)m->recent_from_ns;

	if (span <= 0)
		return 0;
	if (m->tau_ns <= 0)
		return recent / span;
	return recent * exp(-age_exponent(m, m->settled_base_ns, m->now_ns)) /
	       (m->tau_ns * -expm1(-span / m->tau_ns));
}

double top_model__percent(const struct top_model *m, double recent, bool of_all)
{
	if (of_all)
		return m->sums.recent > 0 ? 100 * recent / m->sums.recent : 0;
	return 100 * top_model__rate(m, recent);
}

/* ---- life -------------------------------------------------------------------------------------------- */

void top_model__reset(struct top_model *m, uint64_t now_ns)
{
	pair_map__free(&m->index);
	m->index = (struct pair_map){0};
	m->cnt = m->dirty_cnt = 0;
	m->sums = m->waiting = (struct top_sums){0};
	m->samples = m->samples_settled = m->dropped = 0;
	m->lost_before = profile__failed_cnt(m->p);
	m->base_ns = m->settled_base_ns = m->start_ns = m->recent_from_ns = m->now_ns = now_ns;
	m->changed = true;
	make_header(m);
}

void top_model__next_interval(struct top_model *m, uint64_t now_ns)
{
	for (size_t i = 0; i < m->cnt; i++)
		scale(&m->buckets[i].sums, 0);
	scale(&m->sums, 0);
	m->recent_from_ns = now_ns;
	m->changed = true;
}

struct top_model *top_model__new(uint64_t start_ns, uint64_t window_ns)
{
	struct top_model *m = xcalloc(1, sizeof(*m));

	m->names = profile_builder__new(false);
	m->p = profile_builder__peek(m->names);
	m->limit = BUCKET_LIMIT;
	m->window_ns = window_ns;
	m->tau_ns = (double)window_ns / 2; /* the mean age is then that of a window without fading */
	top_model__reset(m, start_ns);
	return m;
}

struct top_model *top_model__of_profile(const struct profile *p, bool gil_only)
{
	struct top_model *m = xcalloc(1, sizeof(*m));

	m->p = p;
	m->limit = SIZE_MAX;
	for (size_t i = 0; i < p->bucket_cnt; i++) {
		const struct profile_bucket *b = &p->buckets[i];
		uint64_t ns = gil_only ? b->gil_value_ns : b->value_ns;
		struct top_sums sums = {ns, b->gil_value_ns, (double)ns, (double)b->gil_value_ns};
		uint32_t at;

		if (gil_only && !b->gil_samples)
			continue;
		at = bucket_of(m, b->thread, b->stack);
		top_sums_add(&m->buckets[at].sums, &sums);
		m->samples += gil_only ? b->gil_samples : b->samples;
		top_sums_add(&m->sums, &sums);
		see(m, b->thread, p->meta.start_unix_ns + 1);
	}
	m->samples_settled = m->samples;
	m->start_ns = m->recent_from_ns = p->meta.start_unix_ns;
	m->now_ns = m->start_ns + p->meta.duration_ns;
	m->changed = true;
	make_header(m);
	return m;
}

void top_model__free(struct top_model *m)
{
	if (!m)
		return;
	if (m->names)
		profile__free(profile_builder__finish(m->names));
	pair_map__free(&m->index);
	free(m->buckets);
	free(m->dirty);
	free(m->seen_ns);
	free(m);
}

size_t top_model__bucket_cnt(const struct top_model *m)
{
	return m->cnt;
}

void top_model__set_bucket_limit(struct top_model *m, size_t limit)
{
	m->limit = limit;
}
