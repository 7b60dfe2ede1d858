/* Percentages are of the CPU time of a run; an absolute comparison is in CPU seconds instead. */
#include "user/format/diff/diff_words.h"
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

const char *const diff_verdicts[] = {
	[LIMIT_KEPT] = "kept", [LIMIT_CHANCE] = "chance", [LIMIT_CROSSED] = "crossed"};

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
	const struct diff_row **rows = xcalloc(d->cnt + 1, sizeof(*rows));
	size_t within;

	*t = (struct diff_table){
		.title = total ? "Total time" : "Own time", .rows = rows, .total = total};
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

char *diff_amount(const struct diff *d, double value)
{
	return d->options.absolute ? xasprintf("%.3f", value) : xasprintf("%.2f", 100 * value);
}

char *diff_signed(const struct diff *d, double value)
{
	return d->options.absolute ? xasprintf("%+.3f", value) : xasprintf("%+.2f", 100 * value);
}

char *diff_ratio_text(const struct chance_change *c)
{
	double ratio = diff_ratio(c);

	if (isinf(ratio))
		return xstrdup("new");
	return fabs(ratio) < 9.95 ? xasprintf("%+.1f%%", ratio) : xasprintf("%+.0f%%", ratio);
}

/* ---- runs ------------------------------------------------------------------------------------ */

static uint64_t samples_of(const struct diff *d, const struct profile *p)
{
	uint64_t samples = 0;

	for (size_t i = 0; i < p->bucket_cnt; i++)
		samples += view__samples(d->options.view, &p->buckets[i]);
	return samples;
}

char *diff_run_text(const struct diff *d, const struct profile *p)
{
	const struct chance_run *run = p == d->a ? &d->run_a : &d->run_b;
	__cleanup_free char *losses = profile__loss_text(p);
	__cleanup_free char *samples = units_count_text(samples_of(d, p));

	return xasprintf("%s%s%s sample%s, %.2f CPU seconds, %s", p->meta.target,
			 *p->meta.target ? ", " : "", samples, strcmp(samples, "1") ? "s" : "",
			 run->ns / 1e9, losses);
}

static double lost_part(const struct profile *p)
{
	double lost = (double)profile__failed_cnt(p), all = lost + (double)p->sample_cnt;

	return all > 0 ? lost / all : 0;
}

static bool is_of_gil(const struct profile *p)
{
	return p->meta.gil_only;
}

/* One sentence for each thing that can be wrong, in a fixed order. */
char *diff_warning(const struct diff *d, unsigned n)
{
	double lost_a = lost_part(d->a), lost_b = lost_part(d->b);
	char *all[4] = {NULL};
	unsigned cnt = 0;

	if (lost_a > LOSSY || lost_b > LOSSY)
		all[cnt++] =
			xasprintf("samples were lost (A %.1f %%, B %.1f %%): what they were of "
				  "is not known",
				  100 * lost_a, 100 * lost_b);
	if (is_of_gil(d->a) != is_of_gil(d->b) && !d->options.view->gil_only)
		all[cnt++] = xstrdup("one of the recordings has only samples that held the GIL; "
				     "--gil makes them alike");
	if (!d->a->meta.complete || !d->b->meta.complete)
		all[cnt++] = xasprintf("%s did not get to its end", d->a->meta.complete ? "B"
								    : d->b->meta.complete
									    ? "A"
									    : "neither recording");
	for (unsigned i = 0; i < cnt; i++)
		if (i != n)
			free(all[i]);
	return n < cnt ? all[n] : NULL;
}

/* ---- thresholds ------------------------------------------------------------------------------ */

static const char *const unit_texts[] = {
	[LIMIT_PERCENT] = "%", [LIMIT_POINTS] = " pp", [LIMIT_SECONDS] = " s"};

char *diff_result_text(const struct diff *d, const struct diff_limit *l,
		       const struct limit_result *r)
{
	const char *sign = l->is_change ? "+" : "", *unit = unit_texts[l->unit];
	const char *in = d->options.absolute ? " s" : "%";
	__cleanup_free char *from = diff_amount(d, r->from), *to = diff_amount(d, r->to);
	__cleanup_free char *value =
		isinf(r->value) ? xstrdup("new")
		: *sign         ? xasprintf("%+.4g%s (± %.2g)", r->value, unit, r->error)
				: xasprintf("%.4g%s (± %.2g)", r->value, unit, r->error);

	if (l->what == LIMIT_EACH && r->verdict == LIMIT_KEPT)
		return xasprintf("%s: %s", l->text, r->who);
	return xasprintf("%s: %s %s%s → %s%s, %s%s", l->text, r->who, from, in, to, in, value,
			 r->verdict == LIMIT_CHANCE ? ", which is within chance" : "");
}
