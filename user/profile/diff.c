/* SPDX-License-Identifier: MIT */
/* Both profiles are grouped by one grouping, so a group's id is the same in both. */
#include "user/profile/diff.h"
#include "user/util/alloc.h"
#include <math.h>
#include <string.h>

#define SAMPLES_MAX 1000000 /* as many tell how unlike samples are */

struct spread {
	const struct view *v;
	const struct profile *p;
	double cnt, sum, squares;
};

/*
 * Of waits that are longer than the interval every one is kept, with its length (docs/waiting.md): chance has no more part in it than in
 * as many samples of an interval.
 */
static double drawn_value(const struct profile *p, const struct profile_sample *s)
{
	const char *type = p->types[s->type].name;
	double interval = p->meta.rate_hz > 0 ? 1e9 / p->meta.rate_hz : 0;
	bool waits = view__is_wall_type(type) && strcmp(type, profile_cpu_type.name);

	return waits && interval > 0 && (double)s->value > interval ? interval : (double)s->value;
}

static int add_sample(void *arg, const struct profile_sample *s)
{
	struct spread *spread = arg;

	if (!view__takes_of(spread->v, spread->p, s))
		return 0;
	spread->cnt++;
	spread->sum += (double)s->value;
	spread->squares += (double)s->value * drawn_value(spread->p, s);
	return spread->cnt >= SAMPLES_MAX;
}

static struct chance_run run_of(const struct view *v, const struct profile *p)
{
	struct spread s = {.v = v, .p = p};
	struct view_sum all = view__sum(v, p);
	struct chance_run run;
	double scale;

	profile__each_sample(p, add_sample, &s);
	scale = s.sum > 0 ? (double)all.value / s.sum : 0; /* of what was looked at to the whole */
	run = chance_run_of((double)all.value, (double)all.samples, s.squares * scale);
	run.scale = value_unit(view__type(v, p))->scale;
	return run;
}

struct chance_change diff__change(const struct diff *d, const struct chance_part *in_a, const struct chance_part *in_b)
{
	return chance_of(&d->run_a, in_a, &d->run_b, in_b, d->options.absolute);
}

double diff_ratio(const struct chance_change *c)
{
	if (c->from > 0)
		return 100 * c->by / c->from;
	return c->to > 0 ? INFINITY : 0;
}

static void compare(const struct diff *d, struct diff_row *row)
{
	const struct chance_part own_a = {row->a.own_value, row->a.own_samples};
	const struct chance_part own_b = {row->b.own_value, row->b.own_samples};
	const struct chance_part total_a = {row->a.value, row->a.samples};
	const struct chance_part total_b = {row->b.value, row->b.samples};

	row->own = diff__change(d, &own_a, &own_b);
	row->total = diff__change(d, &total_a, &total_b);
}

static int by_change(const void *a, const void *b)
{
	const struct diff_row *x = a, *y = b;
	double own_x = fabs(x->own.by), own_y = fabs(y->own.by);
	double total_x = fabs(x->total.by), total_y = fabs(y->total.by);
	int cmp;

	if (own_x != own_y)
		return own_x < own_y ? 1 : -1;
	if (total_x != total_y)
		return total_x < total_y ? 1 : -1;
	cmp = strcmp(x->group->name, y->group->name);
	return cmp ? cmp : strcmp(x->group->location, y->group->location);
}

static void fill_rows(struct diff *d)
{
	uint32_t cnt = groups__count(d->groups);
	struct totals *a = totals__new(&d->view_a, d->a, d->frames_a, cnt);
	struct totals *b = totals__new(&d->view_b, d->b, d->frames_b, cnt);

	d->rows = xcalloc((size_t)cnt + 1, sizeof(*d->rows));
	for (uint32_t id = 1; id <= cnt; id++) {
		struct diff_row *row = &d->rows[d->cnt];

		if (!a->rows[id].samples && !b->rows[id].samples)
			continue;
		*row = (struct diff_row){.group = groups__at(d->groups, id), .a = a->rows[id], .b = b->rows[id]};
		compare(d, row);
		d->cnt++;
	}
	qsort(d->rows, d->cnt, sizeof(*d->rows), by_change);
	totals__free(a);
	totals__free(b);
}

/* Functions that only ever call others have no own time and are no candidates for a change of it.
 */
static void judge(struct diff *d)
{
	__cleanup_free double *own = xcalloc(d->cnt + 1, sizeof(*own));
	__cleanup_free double *total = xcalloc(d->cnt + 1, sizeof(*total));
	size_t own_cnt = 0;
	double own_bound, total_bound;

	for (size_t i = 0; i < d->cnt; i++) {
		const struct diff_row *r = &d->rows[i];

		if (r->a.own_samples || r->b.own_samples)
			own[own_cnt++] = r->own.odds;
		total[i] = r->total.odds;
	}
	own_bound = chance_bound(own, own_cnt);
	total_bound = chance_bound(total, d->cnt);
	for (size_t i = 0; i < d->cnt; i++) {
		struct diff_row *r = &d->rows[i];

		r->own_found = r->own.odds <= own_bound;
		r->total_found = r->total.odds <= total_bound;
		d->own_found_cnt += r->own_found;
		d->total_found_cnt += r->total_found;
	}
}

struct diff *diff__new(const struct diff_options *o, const struct profile *a, const struct profile *b)
{
	struct diff *d = xcalloc(1, sizeof(*d));

	d->options = *o;
	d->a = a;
	d->b = b;
	d->view_a = d->view_b = *o->view;
	view__choose_type(&d->view_a, a); /* types have other numbers in each */
	view__choose_type(&d->view_b, b);
	d->run_a = run_of(&d->view_a, a);
	d->run_b = run_of(&d->view_b, b);
	d->groups = groups__new(o->key, d->options.view, true);
	d->frames_a = groups__add(d->groups, a);
	d->frames_b = groups__add(d->groups, b);
	fill_rows(d);
	judge(d);
	return d;
}

const struct view *diff__view(const struct diff *d, const struct profile *p)
{
	return p == d->a ? &d->view_a : &d->view_b;
}

void diff__free(struct diff *d)
{
	if (!d)
		return;
	groups__free(d->groups);
	free(d->frames_a);
	free(d->frames_b);
	free(d->rows);
	free(d);
}
