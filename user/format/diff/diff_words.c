/* SPDX-License-Identifier: MIT */
/* Percentages are of all values of a run; an absolute comparison is in the unit of their type instead. */
#include "user/format/diff/diff_words.h"
#include "user/profile/loss_words.h"
#include "user/util/alloc.h"
#include "user/util/units.h"
#include <math.h>
#include <string.h>

#define WITHIN_SHOWN 5    /* rows within chance: they show how large that is */
#define LOSSY        0.05 /* a part of the samples that is worth a warning */

const char *const diff_meaning[] = {
	"± is what chance alone does in 95 of 100 cases with so many samples; a change",
	"marked ≈ is within it. Where many are compared some exceed theirs by chance all",
	"the same: those marked more? and less? may be such, those marked more, less, new",
	"or gone stand out even so. What differs from run to run for other reasons (load,",
	"caches, input) is not in it.",
	NULL,
};

const char *const diff_key_names[GROUPS_KEYS] = {
	[GROUPS_FUNCTION] = "function",
	[GROUPS_LINE] = "line",
	[GROUPS_FILE] = "file",
	[GROUPS_MODULE] = "module",
};

const char *const diff_verdicts[] = {[LIMIT_KEPT] = "kept", [LIMIT_CHANCE] = "chance", [LIMIT_CROSSED] = "crossed"};

/* ---- tables ---------------------------------------------------------------------------------- */

static bool is_found(const struct diff_table *t, const struct diff_row *row)
{
	return t->total ? row->total_found : row->own_found;
}

const struct chance_change *diff_change_of(const struct diff_table *t, const struct diff_row *row)
{
	return t->total ? &row->total : &row->own;
}

/* 0: beyond chance; 1: beyond its own ± alone; 2: within it. */
static int standing(const struct diff_table *t, const struct diff_row *row)
{
	const struct chance_change *c = diff_change_of(t, row);

	return is_found(t, row) ? 0 : fabs(c->by) > c->error ? 1 : 2;
}

static int by_size(const void *a, const void *b, void *table)
{
	const struct diff_table *t = table;
	const struct diff_row *x = *(const struct diff_row *const *)a;
	const struct diff_row *y = *(const struct diff_row *const *)b;
	double by_x = fabs(diff_change_of(t, x)->by), by_y = fabs(diff_change_of(t, y)->by);

	if (standing(t, x) != standing(t, y))
		return standing(t, x) - standing(t, y);
	if (by_x != by_y)
		return by_x < by_y ? 1 : -1;
	if (diff_change_of(t, x)->to != diff_change_of(t, y)->to)
		return diff_change_of(t, x)->to < diff_change_of(t, y)->to ? 1 : -1;
	return x < y ? -1 : x > y; /* as they were */
}

void diff_table__fill(struct diff_table *t, const struct diff_report *r, bool total)
{
	const struct diff *d = r->diff;
	const struct profile_value_type *type = view__type(&d->view_b, d->b);
	const struct diff_row **rows = xcalloc(d->cnt + 1, sizeof(*rows));
	size_t within;

	*t = (struct diff_table){.rows = rows, .total = total};
	snprintf(t->title, sizeof(t->title), "%s %s", total ? "Total" : "Own",
		 type->unit == PROFILE_NANOSECONDS ? "time" : type->sentence);
	for (size_t i = 0; i < d->cnt; i++) {
		const struct diff_row *row = &d->rows[i];
		const struct chance_change *c = diff_change_of(t, row);

		if (c->from > 0 || c->to > 0)
			rows[t->cnt++] = row;
		t->found_cnt += is_found(t, row);
	}
	qsort_r(rows, t->cnt, sizeof(*rows), by_size, t);
	t->within_cnt = t->cnt - t->found_cnt;
	within = t->within_cnt < WITHIN_SHOWN ? t->within_cnt : WITHIN_SHOWN;
	if (t->cnt > t->found_cnt + within)
		t->cnt = t->found_cnt + within;
	if (t->cnt > r->rows)
		t->cnt = r->rows;
}

const char *diff_verdict(const struct diff_table *t, const struct diff_row *row)
{
	const struct chance_change *c = diff_change_of(t, row);

	if (standing(t, row) == 1)
		return c->by > 0 ? "more?" : "less?";
	if (standing(t, row) == 2)
		return "≈";
	return c->from <= 0 ? "new" : c->to <= 0 ? "gone" : c->by > 0 ? "more" : "less";
}

/* ---- numbers --------------------------------------------------------------------------------- */

const char *diff_unit(const struct diff *d)
{
	return d->options.absolute ? value_unit(view__type(&d->view_b, d->b))->short_word : "%";
}

void diff_numbers__fill(struct diff_numbers *n, const struct diff *d, const struct chance_change *c)
{
	int decimals = d->options.absolute ? 3 : 2;
	double scale = d->options.absolute ? 1 : 100, ratio = diff_ratio(c);

	snprintf(n->from, sizeof(n->from), "%.*f", decimals, scale * c->from);
	snprintf(n->to, sizeof(n->to), "%.*f", decimals, scale * c->to);
	snprintf(n->by, sizeof(n->by), "%+.*f", decimals, scale * c->by);
	snprintf(n->error, sizeof(n->error), "%.*f", decimals, scale * c->error);
	if (isinf(ratio))
		strcpy(n->ratio, "new");
	else
		snprintf(n->ratio, sizeof(n->ratio), "%+.*f%%", fabs(ratio) < 9.95 ? 1 : 0, ratio);
}

/* ---- runs ------------------------------------------------------------------------------------ */

static uint64_t samples_of(const struct diff *d, const struct profile *p)
{
	return view__sum(diff__view(d, p), p).samples;
}

char *diff_run_text(const struct diff *d, const struct profile *p)
{
	const struct chance_run *run = p == d->a ? &d->run_a : &d->run_b;
	__cleanup_free char *losses = loss_text(p);
	__cleanup_free char *samples = units_count_text(samples_of(d, p));

	__cleanup_free char *value = value_text(view__type(diff__view(d, p), p), run->value);

	return xasprintf("%s%s%s sample%s, %s, %s", p->meta.target, *p->meta.target ? ", " : "", samples,
			 strcmp(samples, "1") ? "s" : "", value, losses);
}

static double lost_part(const struct profile *p)
{
	double lost = (double)loss_total(p), all = lost + (double)p->sample_cnt;

	return all > 0 ? lost / all : 0;
}

size_t diff_warnings(const struct diff *d, char *out[DIFF_WARNINGS])
{
	const struct profile_meta *a = &d->a->meta, *b = &d->b->meta;
	double lost_a = lost_part(d->a), lost_b = lost_part(d->b);
	size_t cnt = 0;

	if (lost_a > LOSSY || lost_b > LOSSY)
		out[cnt++] =
			xasprintf("samples were lost or failed (A %.1f %%, B %.1f %%): what they were of is not known",
				  100 * lost_a, 100 * lost_b);
	if (a->gil_only != b->gil_only && !d->options.view->gil_only)
		out[cnt++] =
			xstrdup("one of the recordings has only samples that held the GIL; --gil makes them alike");
	if (!a->complete || !b->complete)
		out[cnt++] = xasprintf("%s cut short", a->complete   ? "B was"
						       : b->complete ? "A was"
								     : "both recordings were");
	return cnt;
}

/* ---- thresholds ------------------------------------------------------------------------------ */

static const char *const unit_texts[] = {[LIMIT_PERCENT] = "%", [LIMIT_POINTS] = " pp", [LIMIT_SECONDS] = " s"};

char *diff_result_text(const struct diff *d, const struct diff_limit *l, const struct limit_result *r)
{
	const char *sign = l->is_change ? "+" : "", *unit = unit_texts[l->unit];
	const char *in = diff_unit(d), *gap = d->options.absolute && *in ? " " : "";
	const struct chance_change c = {.from = r->from, .to = r->to};
	struct diff_numbers n;
	__cleanup_free char *value = isinf(r->value) ? xstrdup("new")
				     : *sign         ? xasprintf("%+.4g%s (± %.2g)", r->value, unit, r->error)
						     : xasprintf("%.4g%s (± %.2g)", r->value, unit, r->error);

	diff_numbers__fill(&n, d, &c);
	if (l->what == LIMIT_EACH && r->verdict == LIMIT_KEPT)
		return xasprintf("%s: %s", l->text, r->who);
	return xasprintf("%s: %s %s%s%s → %s%s%s, %s%s", l->text, r->who, n.from, gap, in, n.to, gap, in, value,
			 r->verdict == LIMIT_CHANCE ? ", which is within chance" : "");
}
