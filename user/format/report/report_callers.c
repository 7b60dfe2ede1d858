/* SPDX-License-Identifier: MIT */
/*
 * One function from both sides: who called it and what it called, each with the time it had
 * together with it. A pair counts once in a sample however often it stands there, so with recursion
 * the callers of a function may add up to more than its own total.
 */
#include "user/format/report/report_parts.h"
#include "user/profile/chance.h"
#include "user/profile/name_match.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>

struct callers {
	const struct report *r;
	const struct profile *p;
	struct groups *groups;
	uint32_t *of_frame;
	struct totals *totals;
	uint64_t *root_value;  /* by group: nobody called it there */
	uint64_t *stack_value; /* by stack: here and above */
	uint32_t *users;       /* by stack: the group of the nearest frame of the user's own code; 0 none */
	uint32_t *sampled;     /* groups that have samples: what names are looked for in */
	size_t sampled_cnt;
	struct name_match match;
};

/* One neighbour of a function. */
struct side {
	const char *name, *location;
	const struct profile_function *function; /* NULL: none */
	uint64_t samples, value;
};

static int by_value(const void *a, const void *b)
{
	const struct side *x = a, *y = b;

	if (x->value != y->value)
		return x->value < y->value ? 1 : -1;
	return strcmp(x->name, y->name) ? strcmp(x->name, y->name) : strcmp(x->location, y->location);
}

/* The time of stacks by the group of their first frame. Parents are older than their children. */
static void add_roots(struct callers *c)
{
	const struct profile *p = c->p;
	__cleanup_free uint32_t *root = xcalloc((size_t)p->stack_cnt + 1, sizeof(*root));

	for (uint32_t s = 1; s <= p->stack_cnt; s++)
		root[s] = p->stacks[s].parent ? root[p->stacks[s].parent] : c->of_frame[p->stacks[s].frame];
	for (size_t i = 0; i < p->bucket_cnt; i++)
		c->root_value[root[p->buckets[i].stack]] += view__value(c->r->view, &p->buckets[i]);
}

/* The nearest frame of the user's, and values, of stacks. */
static void find_users(struct callers *c)
{
	const struct profile *p = c->p;

	for (uint32_t s = 1; s <= p->stack_cnt; s++) {
		const struct profile_function *f = &p->functions[p->frames[p->stacks[s].frame].function];

		c->users[s] =
			view__class(f) == VIEW_USER ? c->of_frame[p->stacks[s].frame] : c->users[p->stacks[s].parent];
	}
	for (size_t i = 0; i < p->bucket_cnt; i++)
		c->stack_value[p->buckets[i].stack] += view__value(c->r->view, &p->buckets[i]);
	for (uint32_t s = p->stack_cnt; s; s--)
		c->stack_value[p->stacks[s].parent] += c->stack_value[s];
}

static void say_unknown(const struct callers *c, const struct name_candidate *all)
{
	const char *near = name_match__near(c->r->callers, all, c->sampled_cnt);

	if (near)
		log_error("%s: no such function; did you mean %s?", c->r->callers, near);
	else
		log_error("%s: no such function, nor one that matches it as a regular expression; "
			  "`pybpfprof report --by function` lists all that have samples",
			  c->r->callers);
}

static void list_sampled(struct callers *c)
{
	for (uint32_t id = 1; id <= groups__count(c->groups); id++)
		if (c->totals->rows[id].samples)
			c->sampled[c->sampled_cnt++] = id;
}

static int find(struct callers *c)
{
	struct name_candidate *all = xcalloc(c->sampled_cnt + 1, sizeof(*all));
	char *why = NULL;
	int err;

	for (size_t i = 0; i < c->sampled_cnt; i++) {
		const struct group *g = groups__at(c->groups, c->sampled[i]);

		all[i] = (struct name_candidate){g->function->module, g->name, g->function->file};
	}
	err = name_match__find(&c->match, c->r->callers, all, c->sampled_cnt, &why);
	if (err)
		log_error("%s: invalid regular expression: %s", c->r->callers, why);
	else if (!c->match.cnt) {
		say_unknown(c, all);
		err = -ENOENT;
	}
	free(why);
	free(all);
	return err;
}

/* Samples of one interval weigh the same, so many are equal; their order must not be that of their ids, which a file read back gives anew. */
static int by_name(const struct callers *c, uint32_t a, uint32_t b)
{
	const struct group *x = groups__at(c->groups, a), *y = groups__at(c->groups, b);
	int cmp = strcmp(x->name, y->name);

	return cmp ? cmp : strcmp(x->location, y->location);
}

static int by_own(const void *a, const void *b, void *ctx)
{
	const struct callers *c = ctx;
	uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
	const struct totals_row *x = &c->totals->rows[i], *y = &c->totals->rows[k];

	if (x->own_value != y->own_value)
		return x->own_value < y->own_value ? 1 : -1;
	return by_name(c, i, k);
}

static int by_total(const void *a, const void *b, void *ctx)
{
	const struct callers *c = ctx;
	uint32_t i = c->sampled[*(const size_t *)a], k = c->sampled[*(const size_t *)b];
	uint64_t x = c->totals->rows[i].value, y = c->totals->rows[k].value;

	return x < y ? 1 : x > y ? -1 : by_name(c, i, k);
}

static struct callers *open_callers(const struct report *r, const struct profile *p)
{
	struct callers *c = xcalloc(1, sizeof(*c));
	uint32_t cnt;

	c->r = r;
	c->p = p;
	c->groups = groups__new(GROUPS_FUNCTION, r->view, false);
	c->of_frame = groups__add(c->groups, p);
	cnt = groups__count(c->groups);
	c->totals = totals__new(r->view, p, c->of_frame, cnt);
	c->root_value = xcalloc(cnt + 1u, sizeof(*c->root_value));
	c->sampled = xcalloc(cnt + 1u, sizeof(*c->sampled));
	c->stack_value = xcalloc((size_t)p->stack_cnt + 1, sizeof(*c->stack_value));
	c->users = xcalloc((size_t)p->stack_cnt + 1, sizeof(*c->users));
	list_sampled(c);
	add_roots(c);
	find_users(c);
	return c;
}

struct callers *report_callers__new(const struct report *r, const struct profile *p, int *err)
{
	struct callers *c = open_callers(r, p);

	*err = find(c);
	if (!*err) {
		qsort_r(c->match.hits, c->match.cnt, sizeof(*c->match.hits), by_total, c);
		return c;
	}
	report_callers__free(c);
	return NULL;
}

void report_callers__free(struct callers *c)
{
	if (!c)
		return;
	name_match__free(&c->match);
	groups__free(c->groups);
	totals__free(c->totals);
	free(c->of_frame);
	free(c->root_value);
	free(c->stack_value);
	free(c->users);
	free(c->sampled);
	free(c);
}

/* Callers of a group, or what it called, the largest first; the caller frees. */
static struct side *sides_of(const struct callers *c, uint32_t id, bool callers, size_t *cnt)
{
	const struct totals *t = c->totals;
	struct side *out = xcalloc(t->edge_cnt + 1, sizeof(*out));

	*cnt = 0;
	for (size_t i = 0; i < t->edge_cnt; i++) {
		const struct totals_edge *e = &t->edges[i];
		const struct group *g;

		if ((callers ? e->callee : e->caller) != id || !e->sum.samples)
			continue;
		g = groups__at(c->groups, callers ? e->caller : e->callee);
		out[(*cnt)++] = (struct side){g->name, g->location, g->function, e->sum.samples, e->sum.value};
	}
	if (callers && c->root_value[id])
		out[(*cnt)++] = (struct side){"[no caller: a thread started here]", "", NULL, 0, c->root_value[id]};
	if (!callers && t->rows[id].own_value)
		out[(*cnt)++] = (struct side){"[itself]", "", NULL, t->rows[id].own_samples, t->rows[id].own_value};
	if (*cnt)
		qsort(out, *cnt, sizeof(*out), by_value);
	return out;
}

/* The user's functions that led to one of a library, with the value that they did so for; the caller frees. */
static struct side *users_of(const struct callers *c, uint32_t id, size_t *cnt)
{
	const struct profile *p = c->p;
	uint32_t groups = groups__count(c->groups);
	__cleanup_free bool *inside = xcalloc((size_t)p->stack_cnt + 1, sizeof(*inside));
	__cleanup_free uint64_t *values = xcalloc(groups + 1u, sizeof(*values));
	struct side *out = xcalloc(groups + 1u, sizeof(*out));

	for (uint32_t s = 1; s <= p->stack_cnt; s++) {
		uint32_t parent = p->stacks[s].parent;

		inside[s] = inside[parent] || c->of_frame[p->stacks[s].frame] == id;
		if (inside[s] && !inside[parent])
			values[c->users[parent]] += c->stack_value[s];
	}
	*cnt = 0;
	for (uint32_t g = 1; g <= groups; g++)
		if (values[g])
			out[(*cnt)++] = (struct side){groups__at(c->groups, g)->name,
						      groups__at(c->groups, g)->location, NULL, 0, values[g]};
	if (*cnt && values[0])
		out[(*cnt)++] = (struct side){"[no code of yours]", "", NULL, 0, values[0]};
	if (*cnt)
		qsort(out, *cnt, sizeof(*out), by_value);
	return out;
}

/* ---- as text --------------------------------------------------------------------------------- */

#define MATCHES_MAX 10 /* functions shown in full */
#define HOTTEST     3  /* functions of a whole report, with so many of each side */

static void put_list(const struct report_text *t, const struct callers *c, uint32_t id, const char *title,
		     const struct side *sides, size_t cnt)
{
	size_t most = !c->r->callers && !c->r->by ? HOTTEST : t->r->rows;
	const struct totals_row *of = &c->totals->rows[id];
	char share[REPORT_SHARE_BYTES];
	uint64_t sum = 0;

	for (size_t i = 0; i < cnt; i++)
		sum += sides[i].value;
	report_line(t, "  %s%s", title, sum > of->value ? " (with recursion these add up to more than the whole)" : "");
	for (size_t i = 0; i < cnt && i < most; i++) {
		__cleanup_free char *numbers =
			xasprintf("%s %9.*f  ", report_share(sides[i].value, of->value, of->samples, share),
				  report_decimals(t), value_amount(t->type, (double)sides[i].value));
		__cleanup_free char *text = xasprintf("%s%s%s%s", sides[i].name, *sides[i].location ? " (" : "",
						      sides[i].location, *sides[i].location ? ")" : "");

		report_item(t, numbers, text, COLUMNS_KEEP_FRAME);
	}
	if (cnt > most)
		report_line(t, "         … and %zu more", cnt - most);
}

static void put_sides(const struct report_text *t, const struct callers *c, uint32_t id, bool callers)
{
	size_t cnt;
	__cleanup_free struct side *sides = sides_of(c, id, callers, &cnt);

	put_list(t, c, id, callers ? "called by" : "spent in", sides, cnt);
}

/* Of a library's function: who calls it may be twenty frames away from anything that one wrote. */
static void put_users(const struct report_text *t, const struct callers *c, uint32_t id)
{
	size_t cnt;
	__cleanup_free struct side *users = NULL;

	if (view__class(groups__at(c->groups, id)->function) == VIEW_USER)
		return;
	users = users_of(c, id, &cnt);
	if (cnt)
		put_list(t, c, id, "from your code", users, cnt);
}

/* "42.3 % ± 1.0" */
static char *share_text(const struct report_text *t, uint64_t value)
{
	struct chance_share s = chance_share_of(value, t->all_value, t->all_samples);

	return xasprintf("%.*f %% ± %.*f", s.decimals, s.percent, s.decimals, s.error);
}

static void put_function(const struct report_text *t, const struct callers *c, uint32_t id)
{
	const struct group *g = groups__at(c->groups, id);
	const struct totals_row *sum = &c->totals->rows[id];
	const char *word = value_unit(t->type)->short_word;
	__cleanup_free char *unit = xasprintf("%s%s", *word ? " " : "", word);
	__cleanup_free char *own = share_text(t, sum->own_value), *total = share_text(t, sum->value);

	report_heading(t, "%s%s%s%s", g->name, *g->location ? " (" : "", g->location, *g->location ? ")" : "");
	report_line(t, "  own %s, %.*f%s · total %s, %.*f%s, which is the 100 %% below", own, report_decimals(t),
		    value_amount(t->type, (double)sum->own_value), unit, total, report_decimals(t),
		    value_amount(t->type, (double)sum->value), unit);
	put_sides(t, c, id, true);
	put_users(t, c, id);
	put_sides(t, c, id, false);
}

void report_put_callers(const struct report_text *t, const struct callers *c)
{
	size_t cnt = c->match.cnt;

	putc('\n', t->out);
	report_line(t, "%s %s %zu function%s", t->r->callers, c->match.how, cnt, cnt == 1 ? "" : "s");
	for (size_t i = 0; i < cnt && i < MATCHES_MAX; i++)
		put_function(t, c, c->sampled[c->match.hits[i]]);
	if (cnt > MATCHES_MAX)
		report_line(t, "… and %zu more functions; give more of the name", cnt - MATCHES_MAX);
}

/* Of the functions with the most own time: who leads there is what one asks next. */
void report_put_hottest(const struct report_text *t, const struct profile *p)
{
	struct callers *c = open_callers(t->r, p);
	size_t most = t->r->by ? t->r->rows : HOTTEST;

	qsort_r(c->sampled, c->sampled_cnt, sizeof(*c->sampled), by_own, c);
	report_heading(t, "Callers and callees of the hottest functions (--callers NAME: of others)");
	for (size_t i = 0; i < c->sampled_cnt && i < most; i++)
		put_function(t, c, c->sampled[i]);
	report_callers__free(c);
}

/* ---- as JSON --------------------------------------------------------------------------------- */

static void json_sides(const struct report_json *o, const struct callers *c, uint32_t id, bool callers)
{
	size_t cnt;
	__cleanup_free struct side *sides = sides_of(c, id, callers, &cnt);

	json_put_list(o->j, callers ? "callers" : "callees");
	for (size_t i = 0; i < cnt; i++) {
		if (!sides[i].function)
			continue; /* in root_seconds and own_seconds */
		json_put_map(o->j, NULL);
		report_json_function(o, sides[i].function);
		json_put_count(o->j, "samples", sides[i].samples);
		report_json_value(o, "", sides[i].value);
		json_put_end_map(o->j);
	}
	json_put_end_list(o->j);
}

static void json_function(const struct report_json *o, const struct callers *c, uint32_t id)
{
	json_put_map(o->j, NULL);
	report_json_function(o, groups__at(c->groups, id)->function);
	report_json_own(o, &c->totals->rows[id]);
	report_json_value(o, "root_", c->root_value[id]);
	json_sides(o, c, id, true);
	json_sides(o, c, id, false);
	json_put_end_map(o->j);
}

void report_json_callers(const struct report_json *o, const struct callers *c)
{
	json_put_text(o->j, "searched", o->r->callers);
	json_put_text(o->j, "matched", c->match.how);
	json_put_list(o->j, "found");
	for (size_t i = 0; i < c->match.cnt; i++)
		json_function(o, c, c->sampled[c->match.hits[i]]);
	json_put_end_list(o->j);
}

void report_json_hottest(const struct report_json *o, const struct profile *p)
{
	struct callers *c = open_callers(o->r, p);

	qsort_r(c->sampled, c->sampled_cnt, sizeof(*c->sampled), by_own, c);
	json_put_list(o->j, "callers");
	for (size_t i = 0; i < c->sampled_cnt && i < o->r->rows; i++)
		json_function(o, c, c->sampled[i]);
	json_put_end_list(o->j);
	report_callers__free(c);
}
