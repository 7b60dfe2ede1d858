/* SPDX-License-Identifier: MIT */
/*
 * One pass over the samples. Rows are found without a hash: samples come nearly in order of time,
 * so a part's row in the slice at hand is the last one that it got. Rows that out of order samples
 * make twice are merged at the end; should there be more than expected, slices become twice as
 * long.
 */
#include "user/format/html/html_slices.h"
#include "user/util/alloc.h"
#include "user/util/pair_map.h"

#define DEFAULT_PERIOD 10000000u
#define BATCH          64 /* samples at a time; what one needs of memory is fetched beside what the others need */

struct filler {
	struct html_slices *s;
	uint64_t start_ns;
	struct pair_map ids; /* (thread, type and whether the GIL was held; stack) → part + 1 */
	size_t part_cap, row_cap;
	struct profile_sample batch[BATCH];
	size_t batch_cnt;
};

/* None shorter than the time between two samples of a thread. */
static void choose_slices(struct html_slices *s, const struct profile_meta *m)
{
	uint64_t period = m->rate_hz > 1e-6 ? (uint64_t)(1e9 / m->rate_hz) : DEFAULT_PERIOD;
	uint64_t duration = m->duration_ns < INT64_MAX ? m->duration_ns : INT64_MAX;
	uint64_t cnt = duration / (period ? period : 1) + 1;

	s->slice_cnt = cnt < HTML_SLICES_MAX ? (uint32_t)cnt : HTML_SLICES_MAX;
	s->slice_ns = duration / s->slice_cnt + 1;
}

/* All of a bucket must fit into the units of a row, also in a damaged recording. */
static uint64_t choose_unit(const struct view *v, const struct profile *p)
{
	struct view_sum sum = view__sum(v, p);
	uint64_t unit = sum.samples ? sum.value / sum.samples / HTML_UNITS : 0, most = 0;

	for (size_t i = 0; i < p->bucket_cnt; i++)
		most = view__value(v, &p->buckets[i]) > most ? view__value(v, &p->buckets[i]) : most;
	return (unit > most / INT32_MAX ? unit : most / INT32_MAX) + 1;
}

static uint32_t slice_of(const struct filler *f, uint64_t time_unix_ns)
{
	uint64_t since = time_unix_ns > f->start_ns ? time_unix_ns - f->start_ns : 0;
	uint64_t slice = since / f->s->slice_ns;

	return slice < f->s->slice_cnt ? (uint32_t)slice : f->s->slice_cnt - 1;
}

static uint32_t context_of(uint32_t thread, uint8_t type, bool held)
{
	return (thread * PROFILE_MAX_TYPES + type) * 2 + held;
}

static uint32_t part_of(struct filler *f, uint32_t thread, uint32_t stack, uint8_t type, bool held)
{
	uint32_t *slot = pair_map__slot(&f->ids, context_of(thread, type, held), stack);
	struct html_slices *s = f->s;

	if (!*slot) {
		xgrow(s->parts, s->part_cnt, f->part_cap);
		s->parts[s->part_cnt] = (struct html_part){
			.thread = thread,
			.stack = stack,
			.type = type,
			.held = held,
			.last_row = UINT32_MAX,
			.rest = s->unit[type] / 2, /* so that sums are rounded, not cut */
		};
		*slot = (uint32_t)++s->part_cnt;
	}
	return *slot - 1;
}

/* The row of a part in a slice: its last one, or a new one. */
static void add_row(struct filler *f, const struct html_row *more)
{
	struct html_slices *s = f->s;
	struct html_part *part = &s->parts[more->part];
	struct html_row *row = part->last_row < s->row_cnt ? &s->rows[part->last_row] : NULL;

	if (row && row->part == more->part && row->slice == more->slice) {
		row->samples += more->samples;
		row->units += more->units;
		return;
	}
	xgrow(s->rows, s->row_cnt, f->row_cap);
	part->last_row = (uint32_t)s->row_cnt;
	s->rows[s->row_cnt++] = *more;
}

/* In place: rows are never written ahead of where they are read. */
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

static void add_sample(struct filler *f, uint32_t at, const struct profile_sample *x)
{
	struct html_slices *s = f->s;
	struct html_part *part = &s->parts[at];
	struct html_row row = {.part = at, .samples = 1};

	while (s->row_cnt >= s->row_max && s->slice_cnt > 1)
		lengthen_slices(f);
	part->samples++;
	part->value += x->value;
	part->rest += x->value;
	row.slice = slice_of(f, x->time_unix_ns);
	row.units = (uint32_t)(part->rest / s->unit[x->type]);
	part->rest %= s->unit[x->type];
	add_row(f, &row);
}

/* As buckets__flush() does: each pass has fetched what the next one needs. */
static void flush(struct filler *f)
{
	struct html_slices *s = f->s;
	uint32_t at[BATCH];

	for (size_t i = 0; i < f->batch_cnt; i++) {
		const struct profile_sample *x = &f->batch[i];

		at[i] = part_of(f, x->thread, x->stack, x->type, x->gil == PROFILE_GIL_HELD);
		__builtin_prefetch(&s->parts[at[i]], 1);
	}
	for (size_t i = 0; i < f->batch_cnt; i++)
		if (s->parts[at[i]].last_row < s->row_cnt)
			__builtin_prefetch(&s->rows[s->parts[at[i]].last_row], 1);
	for (size_t i = 0; i < f->batch_cnt; i++)
		add_sample(f, at[i], &f->batch[i]);
	f->batch_cnt = 0;
}

static int on_sample(void *arg, const struct profile_sample *x)
{
	struct filler *f = arg;

	pair_map__prefetch(&f->ids, context_of(x->thread, x->type, x->gil == PROFILE_GIL_HELD), x->stack);
	f->batch[f->batch_cnt++] = *x;
	if (f->batch_cnt == BATCH)
		flush(f);
	return 0;
}

/* A profile without single samples still has its sums. */
static void on_bucket(struct filler *f, const struct profile_bucket *b, bool held)
{
	uint64_t samples = held ? b->gil_samples : b->samples - b->gil_samples;
	struct html_part *part;
	uint32_t at;

	if (!samples)
		return;
	at = part_of(f, b->thread, b->stack, b->type, held);
	part = &f->s->parts[at];
	part->samples += samples;
	part->value += held ? b->gil_value : b->value - b->gil_value;
}

static int by_part_and_slice(const void *a, const void *b)
{
	const struct html_row *x = a, *y = b;

	if (x->part != y->part)
		return x->part < y->part ? -1 : 1;
	return x->slice < y->slice ? -1 : x->slice > y->slice;
}

/* Samples come nearly in the order of time, so that each part's rows mostly are in order when they are together. */
static void gather_parts(struct html_slices *s)
{
	size_t *at = xcalloc(s->part_cnt + 2, sizeof(*at)); /* by part + 1: where its next row goes */
	struct html_row *rows = xcalloc(s->row_cnt + 1, sizeof(*rows));

	for (size_t i = 0; i < s->row_cnt; i++)
		at[s->rows[i].part + 2]++;
	for (size_t i = 2; i < s->part_cnt + 2; i++)
		at[i] += at[i - 1];
	for (size_t i = 0; i < s->row_cnt; i++)
		rows[at[s->rows[i].part + 1]++] = s->rows[i];
	free(s->rows);
	s->rows = rows;
	free(at);
}

static void order_rows(struct html_slices *s)
{
	bool in_order = true;
	size_t n = 0;

	gather_parts(s);
	for (size_t i = 1; i < s->row_cnt && in_order; i++)
		in_order = by_part_and_slice(&s->rows[i - 1], &s->rows[i]) <= 0;
	if (!in_order)
		qsort(s->rows, s->row_cnt, sizeof(*s->rows), by_part_and_slice);
	for (size_t i = 0; i < s->row_cnt; i++) {
		if (n && !by_part_and_slice(&s->rows[n - 1], &s->rows[i])) {
			s->rows[n - 1].samples += s->rows[i].samples;
			s->rows[n - 1].units += s->rows[i].units;
		} else {
			s->rows[n++] = s->rows[i];
		}
	}
	s->row_cnt = n;
}

int html_slices__fill(struct html_slices *s, const struct profile *p)
{
	struct filler f = {.s = s, .start_ns = p->meta.start_unix_ns};
	int err = 0;

	s->row_max = s->row_max ? s->row_max : HTML_ROWS_MAX;
	choose_slices(s, &p->meta);
	for (uint32_t type = 0; type < p->type_cnt; type++)
		s->unit[type] = choose_unit(&(struct view){.type = type}, p);
	if (p->samples.each)
		err = profile__each_sample(p, on_sample, &f);
	flush(&f);
	for (size_t i = 0; i < p->bucket_cnt && !p->samples.each; i++) {
		on_bucket(&f, &p->buckets[i], true);
		on_bucket(&f, &p->buckets[i], false);
	}
	order_rows(s);
	pair_map__free(&f.ids);
	return err;
}

void html_slices__free(struct html_slices *s)
{
	free(s->parts);
	free(s->rows);
}
