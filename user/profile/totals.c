/* SPDX-License-Identifier: MIT */
/*
 * Adds up a profile in one walk of its tree of stacks. While the walk is below a frame of a group,
 * the group is "open"; only the outermost opening adds the subtree's samples, so recursion counts
 * once. The cost is per distinct stack, not per frame of each stack.
 */
#include "user/profile/totals.h"
#include "user/util/alloc.h"
#include "user/util/pair_map.h"

struct sum {
	uint64_t samples, value, gil_value;
};

struct walk {
	const struct profile *p;
	const uint32_t *groups;
	struct totals *t;
	struct sum *own, *total; /* by stack: ends here; here or above */
	uint32_t *child, *next;  /* the tree of stacks, from parents down */
	uint32_t *stack_edges;   /* by stack: its edge's index + 1, 0 none */
	uint32_t *open_rows;     /* by group */
	uint32_t *open_edges;    /* by edge */
	size_t edge_cap, open_cap;
	struct pair_map edge_ids; /* (caller, callee) → index + 1 */
};

static void add_buckets(struct walk *w, const struct view *v)
{
	for (size_t i = 0; i < w->p->bucket_cnt; i++) {
		const struct profile_bucket *b = &w->p->buckets[i];

		w->own[b->stack].samples += view__samples(v, b);
		w->own[b->stack].value += view__value(v, b);
		w->own[b->stack].gil_value += view__gil_value(v, b);
	}
}

static void add_sum(struct sum *to, const struct sum *more)
{
	to->samples += more->samples;
	to->value += more->value;
	to->gil_value += more->gil_value;
}

/* A parent is always older than its children: one pass backwards sums up and links. */
static void link_stacks(struct walk *w)
{
	for (uint32_t s = w->p->stack_cnt; s; s--) {
		uint32_t parent = w->p->stacks[s].parent;

		add_sum(&w->total[s], &w->own[s]);
		add_sum(&w->total[parent], &w->total[s]);
		w->next[s] = w->child[parent];
		w->child[parent] = s;
	}
}

static void add(struct totals_row *row, const struct walk *w, uint32_t stack, bool outermost)
{
	row->own_samples += w->own[stack].samples;
	row->own_value += w->own[stack].value;
	if (!outermost)
		return;
	row->samples += w->total[stack].samples;
	row->value += w->total[stack].value;
	row->gil_value += w->total[stack].gil_value;
}

static uint32_t group_of(const struct walk *w, uint32_t stack)
{
	return w->groups[w->p->stacks[stack].frame];
}

static uint32_t edge_of(struct walk *w, uint32_t caller, uint32_t callee)
{
	uint32_t *slot = pair_map__slot(&w->edge_ids, caller, callee);
	struct totals *t = w->t;

	if (*slot)
		return *slot;
	xgrow(t->edges, t->edge_cnt, w->edge_cap);
	xgrow(w->open_edges, t->edge_cnt, w->open_cap);
	t->edges[t->edge_cnt] = (struct totals_edge){.caller = caller, .callee = callee};
	w->open_edges[t->edge_cnt] = 0;
	*slot = (uint32_t)++t->edge_cnt;
	return *slot;
}

static void enter(struct walk *w, uint32_t stack)
{
	uint32_t parent = w->p->stacks[stack].parent, group = group_of(w, stack), edge;

	add(&w->t->rows[group], w, stack, !w->open_rows[group]++);
	if (!parent)
		return;
	edge = edge_of(w, group_of(w, parent), group);
	w->stack_edges[stack] = edge;
	add(&w->t->edges[edge - 1].sum, w, stack, !w->open_edges[edge - 1]++);
}

static void leave(struct walk *w, uint32_t stack)
{
	w->open_rows[group_of(w, stack)]--;
	if (w->stack_edges[stack])
		w->open_edges[w->stack_edges[stack] - 1]--;
}

/* Skips stacks that this view leaves out. */
static uint32_t first_with_samples(const struct walk *w, uint32_t stack)
{
	while (stack && !w->total[stack].samples)
		stack = w->next[stack];
	return stack;
}

static void visit_all(struct walk *w)
{
	uint32_t at = first_with_samples(w, w->child[0]);

	while (at) {
		uint32_t down = first_with_samples(w, w->child[at]), side = 0;

		enter(w, at);
		if (down) {
			at = down;
			continue;
		}
		while (at && !side) {
			leave(w, at);
			side = first_with_samples(w, w->next[at]);
			if (!side)
				at = w->p->stacks[at].parent;
		}
		at = side;
	}
}

struct totals *totals__new(const struct view *v, const struct profile *p, const uint32_t *groups, uint32_t group_cnt)
{
	size_t n = (size_t)p->stack_cnt + 1;
	struct walk w = {
		.p = p,
		.groups = groups,
		.t = xcalloc(1, sizeof(*w.t)),
		.own = xcalloc(n, sizeof(*w.own)),
		.total = xcalloc(n, sizeof(*w.total)),
		.child = xcalloc(n, sizeof(*w.child)),
		.next = xcalloc(n, sizeof(*w.next)),
		.stack_edges = xcalloc(n, sizeof(*w.stack_edges)),
		.open_rows = xcalloc((size_t)group_cnt + 1, sizeof(*w.open_rows)),
	};

	w.t->rows = xcalloc((size_t)group_cnt + 1, sizeof(*w.t->rows));
	add_buckets(&w, v);
	link_stacks(&w);
	visit_all(&w);
	w.t->all.samples = w.total[0].samples;
	w.t->all.value = w.total[0].value;
	w.t->all.gil_value = w.total[0].gil_value;
	free(w.own);
	free(w.total);
	free(w.child);
	free(w.next);
	free(w.stack_edges);
	free(w.open_rows);
	free(w.open_edges);
	pair_map__free(&w.edge_ids);
	return w.t;
}

void totals__free(struct totals *t)
{
	if (!t)
		return;
	free(t->rows);
	free(t->edges);
	free(t);
}
