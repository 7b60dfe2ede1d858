/* SPDX-License-Identifier: MIT */
#include "user/profile/diff_tree.h"
#include "user/util/alloc.h"

struct chance_change diff_tree__change(const struct diff_tree *t, const struct diff *d, uint32_t node)
{
	const struct chance_part a = {.value = t->a[node]}, b = {.value = t->b[node]};

	return diff__change(d, &a, &b);
}

static void judge(struct diff_tree *t, const struct diff *d)
{
	__cleanup_free double *odds = xcalloc(t->tree->count, sizeof(*odds));
	double bound;

	for (uint32_t i = 0; i < t->tree->count; i++)
		odds[i] = diff_tree__change(t, d, i).odds;
	bound = chance_bound(odds, t->tree->count);
	t->found = xcalloc(t->tree->count, sizeof(*t->found));
	for (uint32_t i = 0; i < t->tree->count; i++)
		t->found[i] = odds[i] <= bound;
}

/* As frames are the same in both recordings. */
static struct view alike(const struct diff *d, const struct view *of)
{
	struct view v = *of;

	v.no_lines = true;
	v.by_function = false;
	v.no_ids = true;
	v.process_roots = view__process_roots(&d->view_a, d->a) || view__process_roots(&d->view_b, d->b);
	return v;
}

struct diff_tree *diff_tree__new(const struct diff *d, bool of_a)
{
	struct diff_tree *t = xcalloc(1, sizeof(*t));
	const struct view a = alike(d, &d->view_a), b = alike(d, &d->view_b);
	uint64_t *own;

	t->tree = of_a ? view_tree__of_two(&a, d->a, &b, d->b, &t->b) : view_tree__of_two(&b, d->b, &a, d->a, &t->a);
	own = xcalloc(t->tree->count, sizeof(*own));
	for (uint32_t i = 0; i < t->tree->count; i++)
		own[i] = t->tree->nodes[i].total_value;
	*(of_a ? &t->a : &t->b) = own;
	judge(t, d);
	return t;
}

void diff_tree__free(struct diff_tree *t)
{
	if (!t)
		return;
	view_tree__free(t->tree);
	free(t->a);
	free(t->b);
	free(t->found);
	free(t);
}
