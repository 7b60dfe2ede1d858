/* SPDX-License-Identifier: MIT */
/*
 * The call tree as lines of text. Only the widest nodes are shown, and a step to the right is made
 * only where a path divides: chains of calls, which most of a tree is, stay below each other and a
 * terminal's width is enough.
 */
#include "user/format/report/report_parts.h"
#include "user/profile/user_start.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"

#define LEAST_SHARE 200 /* nodes below 1/200 are never shown, */
#define WIDE_SHARE  20  /* nodes of 1/20 always, */
#define ROWS_FACTOR 2   /* others as long as there are at most so many times a table's rows; */
#define MOST_FACTOR 8   /* a deep recursion alone can have more */

static int largest_first(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? 1 : x > y ? -1 : 0;
}

/* A node's time never exceeds its parent's, so a bound on the time keeps whole paths. */
static uint64_t least_shown(const struct view_tree *tree, unsigned rows)
{
	__cleanup_free uint64_t *times = xcalloc(tree->count, sizeof(*times));
	uint64_t least = tree->nodes[0].total_value / LEAST_SHARE + 1;

	for (uint32_t i = 0; i < tree->count; i++)
		times[i] = tree->nodes[i].total_value;
	qsort(times, tree->count, sizeof(*times), largest_first);
	if (rows < tree->count && times[rows] >= least)
		least = times[rows] + 1;
	if (least > tree->nodes[0].total_value / WIDE_SHARE)
		least = tree->nodes[0].total_value / WIDE_SHARE;
	return least ? least : 1;
}

struct walk {
	const struct report_text *t;
	const struct view_tree *tree;
	uint64_t least;
	struct buf indent;
	size_t lines, most;
};

/* The widest first, and what is outside of the user's code last. */
static uint64_t rank(const struct view_node *n)
{
	return n->class == VIEW_SYNTHETIC && !n->function ? 0 : n->total_value;
}

/* Children that are shown, the widest first; the caller frees. */
static uint32_t *shown_children(const struct walk *w, uint32_t node, size_t *cnt)
{
	const struct view_node *n = w->tree->nodes;
	uint32_t *out = NULL;
	size_t cap = 0;

	*cnt = 0;
	for (uint32_t c = n[node].child; c; c = n[c].next) {
		size_t at = *cnt;

		if (n[c].total_value < w->least)
			continue;
		xgrow(out, *cnt, cap);
		for (; at && rank(&n[out[at - 1]]) < rank(&n[c]); at--)
			out[at] = out[at - 1];
		out[at] = c;
		(*cnt)++;
	}
	return out;
}

static void put_node(struct walk *w, uint32_t node, const char *branch)
{
	const struct view_node *n = &w->tree->nodes[node];
	char own[REPORT_SHARE_BYTES], total[REPORT_SHARE_BYTES];
	__cleanup_free char *numbers = NULL;

	if (w->lines++ >= w->most)
		return;
	numbers = xasprintf("%s %9.*f %s  %s%s", report_share_of_all(w->t, n->total_value, total),
			    report_decimals(w->t), value_amount(w->t->type, (double)n->total_value),
			    report_share_of_all(w->t, n->own_value, own), w->indent.len ? w->indent.data : "", branch);
	report_item(w->t, numbers, n->text, n->function ? COLUMNS_KEEP_FRAME : COLUMNS_KEEP_COMMAND);
}

static void put_below(struct walk *w, uint32_t node)
{
	size_t cnt, len = w->indent.len;
	__cleanup_free uint32_t *children = shown_children(w, node, &cnt);

	for (size_t i = 0; i < cnt; i++) {
		bool last = i + 1 == cnt;

		put_node(w, children[i], cnt == 1 ? "" : last ? "└ " : "├ ");
		if (cnt > 1)
			buf_puts(&w->indent, last ? "  " : "│ ");
		put_below(w, children[i]);
		w->indent.len = len;
		if (w->indent.data)
			w->indent.data[len] = 0;
	}
}

void report_put_tree(const struct report_text *t, const struct profile *p)
{
	struct view v = *t->r->view;
	struct view_tree *tree;
	struct walk w = {.t = t};
	__cleanup_free char *of_unit = report_of_unit(t, "total");

	v.no_lines = true;
	v.from_user = !v.whole && user_start__is_far(&v, p);
	tree = view_tree__new(&v, p);
	if (!v.whole)
		view_tree__hide_common_roots(tree);
	w.tree = tree;
	w.most = (size_t)t->r->rows * MOST_FACTOR;
	w.least = least_shown(tree, t->r->rows * ROWS_FACTOR);
	report_heading(t, "%s",
		       v.from_user ? "Call tree, from your code on (--whole: all of it), each called by the line above"
				   : "Call tree: each line was called by the one above it, until paths divide");
	report_line(t, "total %%     %9s own %%        function (frames below %.1f %% are left out)", of_unit,
		    100.0 * (double)w.least / (double)(t->all_value ? t->all_value : 1));
	put_below(&w, 0);
	if (w.lines > w.most)
		report_line(t, "         … and %zu more; a flame graph shows all of it", w.lines - w.most);
	buf_free(&w.indent);
	view_tree__free(tree);
}
