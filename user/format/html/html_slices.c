/*
 * One pass over the samples. Rows are found without a hash: samples come nearly in order of time,
 * so a part's row in the slice at hand is the last one that it got. Rows that out of order samples
 * make twice are merged at the end; should there be more than expected, slices become twice as
 * long.
 */
#include "user/format/html/html_slices.h"
#include "user/util/alloc.h"
#include "user/util/pair_map.h"
#include <math.h>
#include <string.h>

#define BATCH          64 /* as in user/profile/builder.c: memory is waited for side by side */
#define DEFAULT_PERIOD 10000000u

struct filler {
	struct html_slices *s;
	uint64_t start_ns;
	struct pair_map ids; /* (thread × 2 + held, stack) → part + 1 */
	uint32_t *last;      /* by part: its newest row */
	uint64_t *rest_ns;   /* by part: less than a unit, for its next row */
	size_t part_cap, last_cap, rest_cap, row_cap;
	struct profile_sample batch[BATCH];
	size_t batch_cnt;
};

/* How many rows so many slices would give, if each bucket's samples came at any time. */
static double expected_rows(const struct profile *p, double slices)
{
	double sum = 0;

	for (size_t i = 0; i < p->bucket_cnt; i++)
		sum += slices * -expm1(-(double)p->buckets[i].samples / slices);
	return sum;
}

/* As many as there may be rows for, but none shorter than the time between two samples of a thread.
 */
static void choose_slices(struct html_slices *s, const struct profile *p)
{
	const struct profile_meta *m = &p->meta;
	uint64_t period = m->rate_hz > 1e-6 ? (uint64_t)(1e9 / m->rate_hz) : DEFAULT_PERIOD;
	uint64_t low = 1, high = m->duration_ns / (period ? period : 1) + 1;

	high = high < HTML_SLICES_MAX ? high : HTML_SLICES_MAX;
	if (p->sample_cnt <= s->row_max)
		low = high;
	while (low < high) {
		uint64_t middle = (low + high + 1) / 2;

		if (expected_rows(p, (double)middle) > 0.95 * (double)s->row_max)
			high = middle - 1;
		else
			low = middle;
	}
	s->slice_ns = m->duration_ns / low + 1;
	s->slice_cnt = (uint32_t)low;
}

/* All that a bucket has must fit into the units of a row, whatever a damaged recording says. */
static uint64_t choose_unit(const struct profile *p)
{
	uint64_t unit = p->sample_cnt ? p->value_ns / p->sample_cnt / HTML_UNITS : 0, most = 0;

	for (size_t i = 0; i < p->bucket_cnt; i++)
		most = p->buckets[i].value_ns > most ? p->buckets[i].value_ns : most;
	return (unit > most / INT32_MAX ? unit : most / INT32_MAX) + 1;
}

static uint32_t slice_of(const struct filler *f, uint64_t time_unix_ns)
{
	uint64_t since = time_unix_ns > f->start_ns ? time_unix_ns - f->start_ns : 0;
	uint64_t slice = since / f->s->slice_ns;

	return slice < f->s->slice_cnt ? (uint32_t)slice : f->s->slice_cnt - 1;
}

static uint32_t part_of(struct filler *f, uint32_t thread, uint32_t stack, bool held)
{
	uint32_t *slot = pair_map__slot(&f->ids, thread * 2 + held, stack);
	struct html_slices *s = f->s;

	if (!*slot) {
		xgrow(s->parts, s->part_cnt, f->part_cap);
		xgrow(f->last, s->part_cnt, f->last_cap);
		xgrow(f->rest_ns, s->part_cnt, f->rest_cap);
		s->parts[s->part_cnt] =
			(struct html_part){.thread = thread, .stack = stack, .held = held};
		f->last[s->part_cnt] = UINT32_MAX;
		f->rest_ns[s->part_cnt] = s->unit_ns / 2; /* so that sums are rounded, not cut */
		*slot = (uint32_t)++s->part_cnt;
	}
	return *slot - 1;
}

/* The row of a part in a slice: its last one, or a new one. */
static void add_row(struct filler *f, const struct html_row *more)
{
	struct html_slices *s = f->s;
	uint32_t last = f->last[more->part];
	struct html_row *row = last < s->row_cnt ? &s->rows[last] : NULL;

	if (row && row->part == more->part && row->slice == more->slice) {
		row->samples += more->samples;
		row->units += more->units;
		return;
	}
	xgrow(s->rows, s->row_cnt, f->row_cap);
	f->last[more->part] = (uint32_t)s->row_cnt;
	s->rows[s->row_cnt++] = *more;
}

/* In place: what is written is never ahead of what is read. */
static void lengthen_slices(struct filler *f)
{
	struct html_slices *s = f->s;
	size_t cnt = s->row_cnt;

	s->slice_ns *= 2;
	s->slice_cnt = (s->slice_cnt + 1) / 2;
	s->row_cnt = 0;
	for (size_t i = 0; i < cnt; i++) {
		struct html_row row = s->rows[i];

		row.slice /= 2;
		add_row(f, &row);
	}
}

/* Whole units of a part's time; the rest waits for more. */
static uint32_t take_units(struct filler *f, uint32_t part, uint64_t value_ns)
{
	uint64_t ns = f->rest_ns[part] + value_ns;

	f->rest_ns[part] = ns % f->s->unit_ns;
	return (uint32_t)(ns / f->s->unit_ns);
}

static void add_batch(struct filler *f)
{
	struct html_slices *s = f->s;
	uint32_t parts[BATCH];

	for (size_t i = 0; i < f->batch_cnt; i++) {
		const struct profile_sample *x = &f->batch[i];
		uint32_t part = part_of(f, x->thread, x->stack, x->gil == PROFILE_GIL_HELD);

		parts[i] = part;
		if (f->last[part] < s->row_cnt)
			__builtin_prefetch(&s->rows[f->last[part]], 1);
		__builtin_prefetch(&s->parts[part], 1);
	}
	while (s->row_cnt + f->batch_cnt > s->row_max && s->slice_cnt > 1)
		lengthen_slices(f);
	for (size_t i = 0; i < f->batch_cnt; i++) {
		const struct profile_sample *x = &f->batch[i];
		struct html_part *part = &s->parts[parts[i]];

		part->samples++;
		part->value_ns += x->value_ns;
		part->truncated += !!x->truncated;
		add_row(f, &(struct html_row){slice_of(f, x->time_unix_ns), parts[i], 1,
					      take_units(f, parts[i], x->value_ns)});
	}
	f->batch_cnt = 0;
}

static int take_sample(void *arg, const struct profile_sample *s)
{
	struct filler *f = arg;

	pair_map__prefetch(&f->ids, s->thread * 2 + (s->gil == PROFILE_GIL_HELD), s->stack);
	f->batch[f->batch_cnt++] = *s;
	if (f->batch_cnt == BATCH)
		add_batch(f);
	return 0;
}

static void take_bucket(struct filler *f, const struct profile_bucket *b, bool held)
{
	uint64_t samples = held ? b->gil_samples : b->samples - b->gil_samples;
	struct html_part *part;
	uint32_t i;

	if (!samples)
		return;
	i = part_of(f, b->thread, b->stack, held);
	part = &f->s->parts[i];
	part->samples += samples;
	part->value_ns += held ? b->gil_value_ns : b->value_ns - b->gil_value_ns;
}

/* A profile without single samples still has its sums. */
static void take_buckets(struct filler *f, const struct profile *p)
{
	for (size_t i = 0; i < p->bucket_cnt; i++) {
		take_bucket(f, &p->buckets[i], true);
		take_bucket(f, &p->buckets[i], false);
	}
}

static int by_slice(const void *a, const void *b)
{
	const struct html_row *x = a, *y = b;

	return x->slice < y->slice ? -1 : x->slice > y->slice;
}

/* In order of time, as nearly all are already; rows of one slice become one. */
static size_t settle_part(struct html_row *rows, size_t cnt)
{
	size_t n = 0, ordered = 1;

	while (ordered < cnt && rows[ordered - 1].slice <= rows[ordered].slice)
		ordered++;
	if (ordered < cnt)
		qsort(rows, cnt, sizeof(*rows), by_slice);
	for (size_t i = 0; i < cnt; i++) {
		if (n && rows[n - 1].slice == rows[i].slice) {
			rows[n - 1].samples += rows[i].samples;
			rows[n - 1].units += rows[i].units;
		} else {
			rows[n++] = rows[i];
		}
	}
	return n;
}

/* Rows by part: a counting sort, which keeps their order in time. */
static void order_rows(struct html_slices *s)
{
	size_t *at = xcalloc(s->part_cnt + 1, sizeof(*at));
	struct html_row *sorted = xcalloc(s->row_cnt + 1, sizeof(*sorted));
	size_t n = 0, begin = 0;

	for (size_t i = 0; i < s->row_cnt; i++)
		at[s->rows[i].part + 1]++;
	for (size_t i = 1; i <= s->part_cnt; i++)
		at[i] += at[i - 1];
	for (size_t i = 0; i < s->row_cnt; i++)
		sorted[at[s->rows[i].part]++] = s->rows[i];
	for (size_t i = 0; i < s->part_cnt; i++) { /* at[i] is now the end of part i */
		size_t cnt = settle_part(sorted + begin, at[i] - begin);

		memmove(sorted + n, sorted + begin, cnt * sizeof(*sorted));
		n += cnt;
		begin = at[i];
	}
	free(at);
	free(s->rows);
	s->rows = sorted;
	s->row_cnt = n;
}

int html_slices__fill(struct html_slices *s, const struct profile *p)
{
	struct filler f = {.s = s, .start_ns = p->meta.start_unix_ns};
	int err = 0;

	s->row_max = s->row_max ? s->row_max : HTML_ROWS_MAX;
	choose_slices(s, p);
	s->unit_ns = choose_unit(p);
	if (p->samples.each) {
		err = profile__each_sample(p, take_sample, &f);
		add_batch(&f);
	} else {
		take_buckets(&f, p);
	}
	order_rows(s);
	pair_map__free(&f.ids);
	free(f.last);
	free(f.rest_ns);
	return err;
}

void html_slices__free(struct html_slices *s)
{
	free(s->parts);
	free(s->rows);
}
