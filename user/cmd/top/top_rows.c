/*
 * A bucket's time goes to every row on its stack, once each however often it is there; its leaf's row has
 * it as its own. Rows are kept between updates and get what is new, so that an update costs what
 * happened since the last one, not what there is.
 */
#include "user/cmd/top/top_rows.h"
#include "user/cmd/top/top_codes.h"
#include "user/cmd/top/top_text.h"
#include "user/util/alloc.h"
#include "user/util/pair_map.h"
#include <ctype.h>
#include <errno.h>
#include <regex.h>
#include <string.h>

struct top_rows {
	struct top_model *m;
	struct top_lens lens;
	struct top_codes *codes[2]; /* functions, lines */
	struct top_row *rows;
	size_t cnt, cap;
	struct pair_map index[TOP_CALLEE + 1]; /* (thread or process, code) → row + 1, by role */
	struct top_row **sorted;
	size_t sorted_cnt;
	uint64_t visit;
	bool stale; /* the lens changed */
	regex_t regex;
	char *filter; /* NULL: none, and no regex */
};

uint32_t top_rows__code_of(struct top_rows *r, uint32_t frame, bool lines)
{
	return top_codes__of_frame(r->codes[lines], top_model__profile(r->m), frame);
}

uint32_t top_rows__code_frame(const struct top_rows *r, uint32_t code)
{
	return top_codes__frame(r->codes[r->lens.lines], code);
}

/* ---- adding up --------------------------------------------------------------------------------------- */

struct visit {
	struct top_rows *r;
	uint32_t process, thread; /* that rows are split by */
	const struct top_sums *more;
};

static struct top_row *row_of(const struct visit *v, enum top_role role, uint32_t code)
{
	struct top_rows *r = v->r;
	uint32_t *slot = pair_map__slot(&r->index[role], v->thread ? v->thread : v->process, code);

	if (!*slot) {
		xgrow(r->rows, r->cnt, r->cap);
		r->rows[r->cnt] = (struct top_row){
			.role = role,
			.code = code,
			.frame = top_rows__code_frame(r, code),
			.process = v->process,
			.thread = v->thread,
		};
		*slot = (uint32_t)++r->cnt;
	}
	return &r->rows[*slot - 1];
}

static void count(const struct visit *v, enum top_role role, uint32_t code, bool leaf)
{
	struct top_row *row = row_of(v, role, code);

	if (row->visit != v->r->visit)
		top_sums_add(&row->total, v->more);
	row->visit = v->r->visit;
	if (leaf)
		top_sums_add(&row->own, v->more);
}

/* From the leaf to the root: `callee` is what the frame before this one belongs to, 0 at the leaf. */
static void count_stack(const struct visit *v, uint32_t stack)
{
	const struct profile *p = top_model__profile(v->r->m);
	uint32_t focus = v->r->lens.focus, callee = 0;
	size_t depth = 0;

	for (; stack; stack = p->stacks[stack].parent, depth++) {
		uint32_t code = top_rows__code_of(v->r, p->stacks[stack].frame, v->r->lens.lines);

		if (!focus || code == focus)
			count(v, TOP_PLAIN, code, depth == 0);
		if (focus && code == focus && callee)
			count(v, TOP_CALLEE, callee, depth == 1);
		if (focus && callee == focus)
			count(v, TOP_CALLER, code, depth == 1);
		callee = code;
	}
}

static void add_bucket(void *ctx, const struct top_bucket *b, const struct top_sums *more)
{
	struct top_rows *r = ctx;
	uint32_t process = top_model__profile(r->m)->threads[b->thread].process;
	struct visit v = {.r = r, .more = more};
	const struct top_lens *l = &r->lens;

	if ((l->only_process && l->only_process != process) || (l->only_thread && l->only_thread != b->thread))
		return;
	if (l->group != TOP_BY_FUNCTION)
		v.process = process;
	if (l->threads || l->group == TOP_BY_THREAD) {
		v.process = process;
		v.thread = b->thread;
	}
	r->visit++;
	if (l->group == TOP_BY_FUNCTION)
		count_stack(&v, b->stack);
	else
		count(&v, TOP_PLAIN, 0, true);
}

static void clear(struct top_rows *r)
{
	for (size_t i = 0; i < ARRAY_SIZE(r->index); i++) {
		pair_map__free(&r->index[i]);
		r->index[i] = (struct pair_map){0};
	}
	r->cnt = 0;
	r->sorted_cnt = 0;
}

static void add_all(struct top_rows *r)
{
	clear(r);
	r->stale = false;
	top_model__each(r->m, add_bucket, r);
}

void top_rows__look(struct top_rows *r, const struct top_lens *lens)
{
	const struct top_lens *l = &r->lens;

	if (l->group == lens->group && l->lines == lens->lines && l->threads == lens->threads &&
	    l->only_process == lens->only_process && l->only_thread == lens->only_thread && l->focus == lens->focus)
		return;
	r->lens = *lens;
	add_all(r);
}

void top_rows__update(struct top_rows *r, uint64_t now_ns)
{
	if (top_model__settle(r->m, now_ns, add_bucket, r))
		add_all(r);
}

const struct top_lens *top_rows__lens(const struct top_rows *r)
{
	return &r->lens;
}

struct top_model *top_rows__model(const struct top_rows *r)
{
	return r->m;
}

/* ---- filter ------------------------------------------------------------------------------------------ */

static bool has_upper(const char *text)
{
	for (; *text; text++)
		if (isupper((unsigned char)*text))
			return true;
	return false;
}

int top_rows__filter(struct top_rows *r, const char *regex, char **why)
{
	regex_t compiled;
	char text[256];
	int err;

	if (regex && *regex) {
		err = regcomp(&compiled, regex, REG_EXTENDED | REG_NOSUB | (has_upper(regex) ? 0 : REG_ICASE));
		if (err) {
			regerror(err, &compiled, text, sizeof(text));
			*why = xstrdup(text);
			return -EINVAL;
		}
	}
	if (r->filter)
		regfree(&r->regex);
	free(r->filter);
	r->filter = NULL;
	if (regex && *regex) {
		r->filter = xstrdup(regex);
		r->regex = compiled;
	}
	for (size_t i = 0; i < r->cnt; i++)
		r->rows[i].matches = 0;
	return 0;
}

const char *top_rows__filter_text(const struct top_rows *r)
{
	return r->filter;
}

/* Callers and callees are all of interest: there the filter only says which ones `n` goes to. */
static bool passes(struct top_rows *r, struct top_row *row)
{
	__cleanup_free char *text = NULL;

	if (!r->filter || row->matches)
		return row->matches != 1;
	text = top_text_match(top_model__profile(r->m), &r->lens, row);
	row->matches = regexec(&r->regex, text, 0, NULL, 0) ? 1 : 2;
	return row->matches == 2;
}

/* ---- order ------------------------------------------------------------------------------------------- */

struct sorting {
	const struct profile *p;
	const struct top_lens *lens;
	struct top_order order;
};

static double value(const struct top_row *row, enum top_column column)
{
	switch (column) {
	case TOP_OWN_NOW:
		return row->own.recent;
	case TOP_TOTAL_NOW:
		return row->total.recent;
	case TOP_OWN:
		return (double)row->own.ns;
	case TOP_TOTAL:
		return (double)row->total.ns;
	default:
		return row->total.recent_gil;
	}
}

static int by_value(const struct top_row *a, const struct top_row *b, enum top_column column)
{
	double x = value(a, column), y = value(b, column);

	return x < y ? 1 : x > y ? -1 : 0;
}

static int by_name(const struct sorting *s, const struct top_row *a, const struct top_row *b)
{
	__cleanup_free char *x = NULL, *y = NULL;

	if (s->lens->group == TOP_BY_FUNCTION)
		return strcmp(s->p->functions[s->p->frames[a->frame].function].name,
			      s->p->functions[s->p->frames[b->frame].function].name);
	x = top_text_name(s->p, s->lens, a);
	y = top_text_name(s->p, s->lens, b);
	return strcmp(x, y);
}

/* What is equal keeps its order by time since the start, then by age, so that rows do not jump. */
static int compare(const void *pa, const void *pb, void *ctx)
{
	const struct top_row *a = *(struct top_row *const *)pa, *b = *(struct top_row *const *)pb;
	const struct sorting *s = ctx;
	int order;

	if (a->role != b->role)
		return a->role < b->role ? -1 : 1;
	order = s->order.column == TOP_NAME ? by_name(s, a, b) : by_value(a, b, s->order.column);
	if (order)
		return s->order.reverse ? -order : order;
	order = by_value(a, b, TOP_OWN);
	if (!order)
		order = by_value(a, b, TOP_TOTAL);
	return order ? order : a < b ? -1 : a > b;
}

struct top_row *const *top_rows__sorted(struct top_rows *r, struct top_order order, size_t *cnt)
{
	struct sorting s = {top_model__profile(r->m), &r->lens, order};

	r->sorted = xrealloc(r->sorted, (r->cnt + 1) * sizeof(*r->sorted));
	r->sorted_cnt = 0;
	for (size_t i = 0; i < r->cnt; i++)
		if (r->lens.focus || passes(r, &r->rows[i]))
			r->sorted[r->sorted_cnt++] = &r->rows[i];
	qsort_r(r->sorted, r->sorted_cnt, sizeof(*r->sorted), compare, &s);
	*cnt = r->sorted_cnt;
	return r->sorted;
}

bool top_rows__matches(struct top_rows *r, struct top_row *row)
{
	return r->filter && passes(r, row);
}

long top_rows__find(const struct top_rows *r, const struct top_row *like)
{
	for (size_t i = 0; i < r->sorted_cnt; i++) {
		const struct top_row *row = r->sorted[i];

		if (row->role == like->role && row->code == like->code && row->process == like->process &&
		    row->thread == like->thread)
			return (long)i;
	}
	return -1;
}

/* ---- life -------------------------------------------------------------------------------------------- */

struct top_rows *top_rows__new(struct top_model *m)
{
	struct top_rows *r = xcalloc(1, sizeof(*r));

	r->m = m;
	r->codes[0] = top_codes__new(false);
	r->codes[1] = top_codes__new(true);
	return r;
}

void top_rows__free(struct top_rows *r)
{
	if (!r)
		return;
	clear(r);
	top_codes__free(r->codes[0]);
	top_codes__free(r->codes[1]);
	if (r->filter)
		regfree(&r->regex);
	free(r->filter);
	free(r->rows);
	free(r->sorted);
	free(r);
}
