/* SPDX-License-Identifier: MIT */
/*
 * A recent sum fades by exp(-time / tau). What came since the last settling is taken to have come evenly, so that its
 * weights are the mean of those of that time.
 */
#include "user/cmd/top/top_model.h"
#include "user/profile/chance.h"
#include "user/profile/loss_words.h"
#include "user/util/alloc.h"
#include <math.h>
#include <string.h>

#define BUCKET_LIMIT   200000         /* from here on threads that have ended are one */
#define ENDED_AFTER_NS 60000000000ull /* not seen for so long */

/* Of a bucket of the profile. */
struct counted {
	struct top_sums sums;
	uint64_t value, gil_value, no_gil_value; /* of the bucket, as of the last settling */
	uint64_t seen_ns;                        /* when it grew last; 0 never */
	uint64_t any_value;                      /* of the bucket, whatever the view takes; as value, and as recent */
	double any_recent;
};

struct top_model {
	const struct view *v;
	struct profile_builder *builder; /* NULL: of a profile that was read */
	struct profile_sink next;
	const struct profile *p;
	struct counted *counted; /* by bucket */
	size_t cnt, cap, limit;
	bool has_folded;      /* thread 0 is those that have ended */
	bool has_wall;        /* times of waiting, too */
	struct top_sums sums; /* of all buckets */
	double tau_ns;        /* 0: nothing fades */
	uint64_t span_ns;
	uint64_t start_ns, recent_from_ns, now_ns;
	uint64_t samples, samples_before, dangling;
	struct loss_sums lost_before;
	bool next_interval; /* recent sums begin anew with the next settling */
	struct top_header header;
};

/* ---- the stream -------------------------------------------------------------------------------------- */

#define FORWARD(kind)                                                                                                  \
	static void on_##kind(void *ctx, const struct profile_##kind *x)                                               \
	{                                                                                                              \
		struct top_model *m = ctx;                                                                             \
		struct profile_sink to = profile_builder__sink(m->builder);                                            \
                                                                                                                       \
		to.ops->kind(to.ctx, x);                                                                               \
		if (m->next.ops)                                                                                       \
			m->next.ops->kind(m->next.ctx, x);                                                             \
	}
FORWARD(meta)
FORWARD(process)
FORWARD(thread)
FORWARD(function)
FORWARD(frame)
FORWARD(stack)
FORWARD(loss)
FORWARD(value_type)
FORWARD(label)
FORWARD(source)

/* Tasks are no rows here, and there may be any number of them in a program that is looked at for days. */
static void on_task(void *ctx, const struct profile_task *x)
{
	struct top_model *m = ctx;

	if (m->next.ops)
		m->next.ops->task(m->next.ctx, x);
}

static void on_sample(void *ctx, const struct profile_sample *x)
{
	struct top_model *m = ctx;
	struct profile_sink to = profile_builder__sink(m->builder);
	struct profile_sample without = *x;

	without.task = 0;
	to.ops->sample(to.ctx, &without);
	if (m->next.ops)
		m->next.ops->sample(m->next.ctx, x);
}

void top_model__pass_on(struct top_model *m, struct profile_sink next)
{
	m->next = next;
}

struct profile_sink top_model__sink(struct top_model *m)
{
	static const struct profile_sink_ops ops = {
		.meta = on_meta,
		.process = on_process,
		.thread = on_thread,
		.function = on_function,
		.frame = on_frame,
		.stack = on_stack,
		.sample = on_sample,
		.loss = on_loss,
		.value_type = on_value_type,
		.task = on_task,
		.label = on_label,
		.source = on_source,
	};

	return (struct profile_sink){&ops, m};
}

const struct profile *top_model__profile(const struct top_model *m)
{
	return m->p;
}

const struct profile_value_type *top_model__type(const struct top_model *m)
{
	return view__type(m->v, m->p);
}

/* ---- settling ---------------------------------------------------------------------------------------- */

/* The sum of weights if a value of one came in each ns of `span`. */
static double whole_of(const struct top_model *m, double span)
{
	return m->tau_ns > 0 ? m->tau_ns * -expm1(-span / m->tau_ns) : span;
}

/* Ids that nothing defined; the builder finds them only when it ends. */
static bool is_dangling(const struct top_model *m, const struct profile_bucket *b)
{
	const struct profile *p = m->p;

	return (!b->thread && !m->has_folded) || b->thread > p->thread_cnt || !b->stack || b->stack > p->stack_cnt;
}

/* How much a bucket grew. */
static struct top_sums take(struct top_model *m, const struct profile_bucket *b, struct counted *c, double weight)
{
	struct top_sums more = {
		.value = view__value(m->v, b) - c->value,
		.gil_value = view__gil_value(m->v, b) - c->gil_value,
		.no_gil_value = view__no_gil_value(m->v, b) - c->no_gil_value,
	};

	more.recent = (double)more.value * weight;
	more.recent_gil = (double)more.gil_value * weight;
	c->value += more.value;
	c->gil_value += more.gil_value;
	c->no_gil_value += more.no_gil_value;
	return more;
}

static bool *find_ended(const struct top_model *m)
{
	bool *ended = xcalloc((size_t)m->p->thread_cnt + 1, sizeof(*ended));

	memset(ended, true, (size_t)m->p->thread_cnt + 1);
	for (size_t i = 0; i < m->cnt; i++)
		if (m->counted[i].seen_ns + ENDED_AFTER_NS >= m->now_ns)
			ended[m->p->buckets[i].thread] = false;
	return ended;
}

/* A server that has a thread for each request has buckets of its stacks, not of all its threads. */
static void fold_ended(struct top_model *m)
{
	__cleanup_free bool *ended = find_ended(m);
	__cleanup_free uint32_t *moved = xcalloc(m->cnt + 1, sizeof(*moved));
	struct counted *folded;

	profile_builder__fold(m->builder, ended, moved);
	folded = xcalloc(m->p->bucket_cnt + 1, sizeof(*folded));
	for (size_t i = 0; i < m->cnt; i++) {
		const struct counted *from = &m->counted[i];
		struct counted *to = &folded[moved[i]];

		top_sums_add(&to->sums, &from->sums);
		to->value += from->value;
		to->gil_value += from->gil_value;
		to->no_gil_value += from->no_gil_value;
		to->any_value += from->any_value;
		to->any_recent += from->any_recent;
		if (from->seen_ns > to->seen_ns)
			to->seen_ns = from->seen_ns;
	}
	free(m->counted);
	m->counted = folded;
	m->has_folded = true;
	m->cnt = m->p->bucket_cnt;
	m->cap = m->cnt + 1;
	if (m->cnt > m->limit / 2)
		m->limit = m->cnt * 2; /* they are distinct stacks */
}

/* Recent sums so far fade by one factor; new values get one weight. */
static void settle_buckets(struct top_model *m, double fading, double weight)
{
	m->sums = (struct top_sums){0};
	m->samples = m->dangling = 0;
	m->has_wall = view__has_wall(m->p);
	for (size_t i = 0; i < m->p->bucket_cnt; i++) {
		const struct profile_bucket *b = &m->p->buckets[i];
		struct top_sums more;

		if (i == m->cnt) {
			xgrow(m->counted, m->cnt, m->cap);
			m->counted[m->cnt++] = (struct counted){0};
		}
		if (is_dangling(m, b)) {
			m->dangling += b->samples;
			continue;
		}
		more = take(m, b, &m->counted[i], weight);
		m->counted[i].any_recent =
			m->counted[i].any_recent * fading + (double)(b->value - m->counted[i].any_value) * weight;
		m->counted[i].any_value = b->value;
		m->counted[i].sums.recent *= fading;
		m->counted[i].sums.recent_gil *= fading;
		top_sums_add(&m->counted[i].sums, &more);
		top_sums_add(&m->sums, &m->counted[i].sums);
		m->samples += view__samples(m->v, b);
		if (more.value)
			m->counted[i].seen_ns = m->now_ns;
	}
}

static void count_active(const struct top_model *m, struct top_header *h)
{
	uint64_t span = m->span_ns ? m->span_ns : m->now_ns - m->recent_from_ns;
	__cleanup_free bool *threads = xcalloc((size_t)m->p->thread_cnt + 1, sizeof(*threads));
	__cleanup_free bool *processes = xcalloc((size_t)m->p->process_cnt + 1, sizeof(*processes));

	for (size_t i = 0; i < m->cnt; i++) {
		uint32_t thread = m->p->buckets[i].thread, process;

		if (!thread || !m->counted[i].seen_ns || m->counted[i].seen_ns + span < m->now_ns || threads[thread])
			continue;
		process = m->p->threads[thread].process;
		threads[thread] = true;
		h->threads++;
		h->processes += !processes[process];
		processes[process] = true;
	}
}

static struct loss_sums lost_of(const struct top_model *m)
{
	struct loss_sums lost = loss_sums_of_type(m->p, m->v->type);

	lost.lost += m->dangling;
	return lost;
}

static void make_header(struct top_model *m)
{
	struct top_header *h = &m->header;
	struct loss_sums lost = lost_of(m);

	*h = (struct top_header){
		.rate = top_model__rate(m, m->sums.recent),
		.gil = top_model__percent(m, m->sums.recent_gil, false) / 100,
		.no_gil = top_sums_no_gil(&m->sums),
		.samples = m->samples - m->samples_before,
		.lost = lost.lost - m->lost_before.lost,
		.failed = lost.failed - m->lost_before.failed,
		.elapsed_ns = m->now_ns > m->start_ns ? m->now_ns - m->start_ns : 0,
		.value = m->sums.value,
		.walked = 1,
	};
	if (h->samples + h->lost + h->failed)
		h->walked = (double)h->samples / (double)(h->samples + h->lost + h->failed);
	count_active(m, h);
}

void top_model__settle(struct top_model *m, uint64_t now_ns)
{
	double span = now_ns > m->now_ns ? (double)(now_ns - m->now_ns) : 0;
	double fading = m->next_interval ? 0 : m->tau_ns > 0 ? exp(-span / m->tau_ns) : 1;

	if (m->next_interval)
		m->recent_from_ns = m->now_ns;
	if (now_ns > m->now_ns)
		m->now_ns = now_ns;
	m->next_interval = false;
	if (m->builder)
		profile_builder__flush(m->builder);
	settle_buckets(m, fading, span > 0 ? whole_of(m, span) / span : 1);
	if (m->builder && m->cnt > m->limit)
		fold_ended(m);
	make_header(m);
}

void top_model__each(const struct top_model *m, top_bucket_fn fn, void *ctx)
{
	for (size_t i = 0; i < m->cnt; i++)
		if (m->counted[i].sums.value)
			fn(ctx, &m->p->buckets[i], &m->counted[i].sums);
}

const struct top_header *top_model__header(const struct top_model *m)
{
	return &m->header;
}

/* A sum of weights is divided by what it would be if all of the time had counted. */
double top_model__rate(const struct top_model *m, double recent)
{
	double span = (double)m->now_ns - (double)m->recent_from_ns;

	if (span <= 0)
		return 0;
	return recent / whole_of(m, span) * (top_model__type(m)->unit == PROFILE_NANOSECONDS ? 1 : 1e9);
}

double top_model__percent(const struct top_model *m, double recent, bool of_all)
{
	if (of_all || top_model__type(m)->unit != PROFILE_NANOSECONDS)
		return m->sums.recent > 0 ? 100 * recent / m->sums.recent : 0;
	return 100 * top_model__rate(m, recent);
}

/* As far as one at half of the whole, which is the most. Values of the last seconds come from as many samples as others. */
double top_model__error(const struct top_model *m, bool of_all, uint64_t *samples)
{
	double part = m->sums.value ? m->sums.recent / (double)m->sums.value : 0;

	*samples = (uint64_t)((double)m->header.samples * (part < 1 ? part : 1) + 0.5);
	return chance_share_of(1, 2, *samples).error * top_model__percent(m, m->sums.recent, of_all) / 100;
}

size_t top_model__bucket_cnt(const struct top_model *m)
{
	return m->cnt;
}

void top_model__set_bucket_limit(struct top_model *m, size_t limit)
{
	m->limit = limit;
}

/* ---- life -------------------------------------------------------------------------------------------- */

void top_model__reset(struct top_model *m, uint64_t now_ns)
{
	top_model__settle(m, now_ns);
	for (size_t i = 0; i < m->cnt; i++)
		m->counted[i].sums = (struct top_sums){0};
	for (size_t i = 0; i < m->cnt; i++)
		m->counted[i].any_recent = 0;
	m->sums = (struct top_sums){0};
	m->samples_before = m->samples;
	m->lost_before = lost_of(m);
	m->start_ns = m->recent_from_ns = m->now_ns = now_ns;
	make_header(m);
}

/* What was counted so far was of another type: of a file it is counted anew, else from now on. */
void top_model__retype(struct top_model *m, uint64_t now_ns)
{
	for (size_t i = 0; i < m->cnt; i++) {
		struct counted *c = &m->counted[i];

		*c = (struct counted){.seen_ns = c->seen_ns, .any_value = c->any_value, .any_recent = c->any_recent};
		if (m->builder)
			take(m, &m->p->buckets[i], c, 0);
	}
	top_model__settle(m, now_ns);
	if (m->builder)
		top_model__reset(m, now_ns);
}

bool top_model__why(const struct top_model *m, struct why *out)
{
	__cleanup_free uint64_t *values = m->has_wall ? xcalloc(m->cnt + 1, sizeof(*values)) : NULL;

	if (!m->has_wall)
		return false;
	for (size_t i = 0; i < m->cnt; i++)
		values[i] = (uint64_t)m->counted[i].any_recent;
	why_find(m->p, values, out);
	return true;
}

void top_model__next_interval(struct top_model *m)
{
	m->next_interval = true;
}

static struct top_model *new_model(const struct view *v, const struct profile *p, uint64_t start_ns)
{
	struct top_model *m = xcalloc(1, sizeof(*m));

	m->v = v;
	m->p = p;
	m->start_ns = m->recent_from_ns = m->now_ns = start_ns;
	return m;
}

struct top_model *top_model__new(const struct view *v, uint64_t start_ns, uint64_t span_ns)
{
	struct profile_builder *b = profile_builder__new(false);
	struct top_model *m = new_model(v, profile_builder__peek(b), start_ns);

	m->builder = b;
	m->limit = BUCKET_LIMIT;
	m->span_ns = span_ns;
	m->tau_ns = (double)span_ns / 2; /* the mean age is then that of a span without fading */
	return m;
}

struct top_model *top_model__of_profile(const struct view *v, const struct profile *p)
{
	return new_model(v, p, p->meta.start_unix_ns);
}

void top_model__free(struct top_model *m)
{
	if (!m)
		return;
	if (m->builder)
		profile__free(profile_builder__finish(m->builder));
	free(m->counted);
	free(m);
}
