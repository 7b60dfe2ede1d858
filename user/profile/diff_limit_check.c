/* SPDX-License-Identifier: MIT */
/*
 * Thresholds against a comparison. The functions that a selector finds are taken together: their own time is the sum,
 * their total counts a sample once however many of them are on its stack. Only `*` looks at each function by itself;
 * the odds that one of many crosses by chance are then divided among them (Bonferroni).
 */
#include "user/profile/diff_limit.h"
#include "user/profile/name_match.h"
#include "user/util/alloc.h"
#include <errno.h>
#include <math.h>
#include <string.h>

#define LEVEL 0.05

struct parts {
	struct chance_part a, b;
};

/* The groups that selectors choose from, and those they chose. */
struct choice {
	struct groups *groups;
	uint32_t *frames_a, *frames_b;
	bool *chosen;   /* by group */
	uint32_t first; /* that was chosen */
	size_t cnt;
};

static const enum groups_key keys[] = {
	[LIMIT_FUNCTION] = GROUPS_FUNCTION, [LIMIT_LINE] = GROUPS_LINE,     [LIMIT_FILE] = GROUPS_FUNCTION,
	[LIMIT_MODULE] = GROUPS_FUNCTION,   [LIMIT_EACH] = GROUPS_FUNCTION,
};

static void choose(struct choice *c, uint32_t id)
{
	c->chosen[id] = true;
	if (!c->cnt++)
		c->first = id;
}

/* `core.py` and `app/core.py` are ends of `/srv/app/core.py`; `ore.py` is not. */
static bool is_file(const struct profile_function *f, const char *file)
{
	size_t have = strlen(f->file), want = strlen(file);

	if (!strcmp(f->short_file, file))
		return true;
	return want && have >= want && !strcmp(f->file + have - want, file) &&
	       (have == want || f->file[have - want - 1] == '/' || *file == '/');
}

/* A package stands for all that is in it. */
static bool is_module(const struct profile_function *f, const char *module)
{
	size_t len = strlen(module);

	return !strncmp(f->module, module, len) && (!f->module[len] || f->module[len] == '.');
}

static int choose_by_name(struct choice *c, const struct diff_limit *l, char **why)
{
	uint32_t cnt = groups__count(c->groups);
	__cleanup_free struct name_candidate *all = xcalloc(cnt + 1u, sizeof(*all));
	struct name_match m;
	int err;

	for (uint32_t id = 1; id <= cnt; id++) {
		const struct group *g = groups__at(c->groups, id);

		all[id - 1] = (struct name_candidate){g->function->module, g->name, g->function->file};
	}
	err = name_match__find(&m, l->selector, all, cnt, why);
	for (size_t i = 0; !err && i < m.cnt; i++)
		choose(c, (uint32_t)m.hits[i] + 1);
	if (!err && !m.cnt) {
		const char *near = name_match__near(l->selector, all, cnt);

		*why = xasprintf("neither run has a function %s%s%s%s", l->selector, near ? "; did you mean " : "",
				 near ? near : "", near ? "?" : "");
		err = -ENOENT;
	}
	name_match__free(&m);
	return err;
}

static bool is_chosen(const struct diff_limit *l, const struct group *g)
{
	switch (l->what) {
	case LIMIT_LINE:
		return g->line == l->line && is_file(g->function, l->selector);
	case LIMIT_FILE:
		return is_file(g->function, l->selector);
	case LIMIT_MODULE:
		return is_module(g->function, l->selector);
	default:
		return false;
	}
}

static int choose_all(struct choice *c, const struct diff_limit *l, char **why)
{
	if (l->what == LIMIT_FUNCTION)
		return choose_by_name(c, l, why);
	for (uint32_t id = 1; id <= groups__count(c->groups); id++)
		if (is_chosen(l, groups__at(c->groups, id)))
			choose(c, id);
	if (c->cnt)
		return 0;
	*why = xasprintf("nothing in either run fits %s", l->text);
	return -ENOENT;
}

static struct chance_part sum_chosen(const struct choice *c, const struct diff_limit *l, const struct view *v,
				     const struct profile *p, const uint32_t *frames)
{
	__cleanup_free uint32_t *one = xcalloc((size_t)p->frame_cnt + 1, sizeof(*one));
	struct chance_part part;
	struct totals *t;

	for (uint32_t i = 1; i <= p->frame_cnt; i++)
		one[i] = c->chosen[frames[i]];
	t = totals__new(v, p, one, 1);
	part = l->total ? (struct chance_part){t->rows[1].value, t->rows[1].samples}
			: (struct chance_part){t->rows[1].own_value, t->rows[1].own_samples};
	totals__free(t);
	return part;
}

static char *who_of(const struct choice *c, const struct diff_limit *l)
{
	const struct group *g = groups__at(c->groups, c->first);

	if (l->what == LIMIT_FILE || l->what == LIMIT_MODULE)
		return xstrdup(l->selector);
	if (c->cnt > 1)
		return xasprintf("%zu functions, %s the first", c->cnt, g->name);
	return xasprintf("%s%s%s%s", g->name, *g->location ? " (" : "", g->location, *g->location ? ")" : "");
}

/* ---- the verdict ----------------------------------------------------------------------------- */

static bool crosses(const struct diff_limit *l, double value)
{
	if (l->or_equal && value == l->amount)
		return true;
	return l->below ? value < l->amount : value > l->amount;
}

/* A change, in the unit of the threshold. */
static struct limit_result judge_change(const struct diff_limit *l, const struct diff *d, const struct parts *parts,
					double level)
{
	struct chance_change c =
		chance_of(&d->run_a, &parts->a, &d->run_b, &parts->b, d->options.absolute && l->unit != LIMIT_POINTS);
	double scale = l->unit == LIMIT_POINTS    ? 100
		       : l->unit == LIMIT_SECONDS ? (d->options.absolute ? 1 : d->run_b.value / d->run_b.scale)
		       : c.from > 0               ? 100 / c.from
						  : INFINITY;
	struct limit_result r = {.from = c.from, .to = c.to};

	r.value = isinf(scale) ? (c.by > 0 ? INFINITY : 0) : c.by * scale;
	r.error = isinf(scale) ? INFINITY : c.error * scale;
	if (crosses(l, r.value))
		r.verdict = c.odds < level ? LIMIT_CROSSED : LIMIT_CHANCE;
	return r;
}

/* The amount of B: certain only when the threshold is further away than the error. */
static struct limit_result judge_level(const struct diff_limit *l, const struct diff *d, const struct parts *parts)
{
	bool seconds = l->unit == LIMIT_SECONDS;
	double scale = seconds ? 1 : 100;
	struct limit_result r = {
		.from = chance_amount(&d->run_a, &parts->a, d->options.absolute),
		.to = chance_amount(&d->run_b, &parts->b, d->options.absolute),
		.value = scale * chance_amount(&d->run_b, &parts->b, seconds),
		.error = scale * chance_error(&d->run_b, &parts->b, seconds),
	};

	if (crosses(l, r.value))
		r.verdict = fabs(r.value - l->amount) > r.error ? LIMIT_CROSSED : LIMIT_CHANCE;
	return r;
}

static struct limit_result judge(const struct diff_limit *l, const struct diff *d, const struct parts *parts,
				 double level)
{
	return l->is_change ? judge_change(l, d, parts, level) : judge_level(l, d, parts);
}

/* ---- one, or each ---------------------------------------------------------------------------- */

static int check_chosen(const struct diff_limit *l, const struct diff *d, struct choice *c, struct limit_result *out,
			char **why)
{
	int err = choose_all(c, l, why);
	struct parts parts;

	if (err)
		return err;
	parts.a = sum_chosen(c, l, &d->view_a, d->a, c->frames_a);
	parts.b = sum_chosen(c, l, &d->view_b, d->b, c->frames_b);
	*out = judge(l, d, &parts, LEVEL);
	out->who = who_of(c, l);
	return 0;
}

static struct chance_part part_of(const struct diff_limit *l, const struct totals_row *row)
{
	return l->total ? (struct chance_part){row->value, row->samples}
			: (struct chance_part){row->own_value, row->own_samples};
}

/* Results of all that cross; one that does not stands for the rest when none does. */
static void check_each(const struct diff_limit *l, const struct diff *d, struct choice *c, struct limit_result *out,
		       size_t *cnt)
{
	uint32_t groups = groups__count(c->groups);
	struct totals *a = totals__new(&d->view_a, d->a, c->frames_a, groups);
	struct totals *b = totals__new(&d->view_b, d->b, c->frames_b, groups);

	for (uint32_t id = 1; id <= groups; id++) {
		struct parts parts = {part_of(l, &a->rows[id]), part_of(l, &b->rows[id])};
		struct limit_result r;

		if (!parts.a.samples && !parts.b.samples)
			continue;
		r = judge(l, d, &parts, LEVEL / groups);
		if (r.verdict != LIMIT_CROSSED)
			continue;
		c->first = id;
		c->cnt = 1;
		r.who = who_of(c, l);
		out[(*cnt)++] = r;
	}
	if (!*cnt)
		out[(*cnt)++] = (struct limit_result){.who = xasprintf("none of %u functions, beyond chance", groups)};
	totals__free(a);
	totals__free(b);
}

int diff_limit__check(const struct diff_limit *l, const struct diff *d, struct limit_result **results, size_t *cnt,
		      char **why)
{
	struct choice c = {.groups = groups__new(keys[l->what], d->options.view, true)};
	struct limit_result *out;
	int err = 0;

	c.frames_a = groups__add(c.groups, d->a);
	c.frames_b = groups__add(c.groups, d->b);
	c.chosen = xcalloc(groups__count(c.groups) + 1u, sizeof(*c.chosen));
	out = xcalloc(groups__count(c.groups) + 1u, sizeof(*out));
	*cnt = 0;
	if (l->what == LIMIT_EACH)
		check_each(l, d, &c, out, cnt);
	else
		err = check_chosen(l, d, &c, &out[(*cnt)++], why);
	groups__free(c.groups);
	free(c.frames_a);
	free(c.frames_b);
	free(c.chosen);
	if (err) {
		free(out);
		*cnt = 0;
	} else {
		*results = out;
	}
	return err;
}

void limit_results__free(struct limit_result *results, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++)
		free(results[i].who);
	free(results);
}
