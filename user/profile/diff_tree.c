/* Children of both trees are sorted by text: laying one over the other is one walk through both. */
#include "user/profile/diff_tree.h"
#include "user/util/alloc.h"
#include <string.h>

struct tree {
	struct diff_tree t; /* first: the public pointer is a pointer to this */
	struct view_tree *a, *b;
};

/* A node whose children are still to be laid over each other; 0 has no such node, but for the root.
 */
struct pair {
	uint32_t node, a, b;
	bool in_a, in_b;
};

struct build {
	struct tree *tree;
	uint32_t cap;
	struct pair *todo;
	size_t todo_cnt, todo_cap;
};

static struct chance_part part_of(const struct view_node *n)
{
	return n ? (struct chance_part){n->total_ns, n->samples} : (struct chance_part){0};
}

static uint32_t add_node(struct build *b, uint32_t parent, const struct view_node *in_a,
			 const struct view_node *in_b)
{
	const struct view_node *any = in_b ? in_b : in_a;
	struct diff_tree *t = &b->tree->t;

	xgrow(t->nodes, t->count, b->cap);
	t->nodes[t->count] = (struct diff_node){
		.text = any->text,
		.parent = parent,
		.depth = any->depth,
		.is_frame = any->function != 0,
		.origin = any->origin,
		.a = part_of(in_a),
		.b = part_of(in_b),
	};
	if (any->depth > t->depth)
		t->depth = any->depth;
	return t->count++;
}

static void push(struct build *b, struct pair pair)
{
	xgrow(b->todo, b->todo_cnt, b->todo_cap);
	b->todo[b->todo_cnt++] = pair;
}

/* What comes next in order of text: in both trees, or in one of them. */
static void take_next(struct build *b, uint32_t *a, uint32_t *k, uint32_t parent, uint32_t *last)
{
	const struct view_node *all_a = b->tree->a->nodes, *all_b = b->tree->b->nodes;
	int order = !*a ? 1 : !*k ? -1 : strcmp(all_a[*a].text, all_b[*k].text);
	struct pair pair = {.a = *a, .b = *k, .in_a = order <= 0, .in_b = order >= 0};

	pair.node =
		add_node(b, parent, pair.in_a ? &all_a[*a] : NULL, pair.in_b ? &all_b[*k] : NULL);
	if (*last)
		b->tree->t.nodes[*last].next = pair.node;
	else
		b->tree->t.nodes[parent].child = pair.node;
	*last = pair.node;
	push(b, pair);
	if (pair.in_a)
		*a = all_a[*a].next;
	if (pair.in_b)
		*k = all_b[*k].next;
}

static void lay_over(struct build *b)
{
	while (b->todo_cnt) {
		struct pair pair = b->todo[--b->todo_cnt];
		uint32_t a = pair.in_a ? b->tree->a->nodes[pair.a].child : 0;
		uint32_t k = pair.in_b ? b->tree->b->nodes[pair.b].child : 0, last = 0;

		while (a || k)
			take_next(b, &a, &k, pair.node, &last);
	}
}

static void judge(const struct diff *d, struct diff_tree *t)
{
	__cleanup_free double *odds = xcalloc(t->count, sizeof(*odds));
	double bound;

	for (uint32_t i = 0; i < t->count; i++)
		odds[i] = diff__change(d, &t->nodes[i].a, &t->nodes[i].b).odds;
	bound = chance_bound(odds, t->count);
	for (uint32_t i = 0; i < t->count; i++)
		t->nodes[i].found = odds[i] <= bound;
}

struct diff_tree *diff_tree__new(const struct diff *d)
{
	struct view v = *d->options.view;
	struct build b = {.tree = xcalloc(1, sizeof(*b.tree))};

	v.no_lines = true;
	v.by_function = false;
	v.no_ids = true;
	v.process_roots = view__process_roots(&v, d->a) || view__process_roots(&v, d->b);
	b.tree->a = view_tree__new(&v, d->a);
	b.tree->b = view_tree__new(&v, d->b);
	push(&b, (struct pair){.node = add_node(&b, 0, &b.tree->a->nodes[0], &b.tree->b->nodes[0]),
			       .in_a = true,
			       .in_b = true});
	lay_over(&b);
	judge(d, &b.tree->t);
	free(b.todo);
	return &b.tree->t;
}

void diff_tree__free(struct diff_tree *t)
{
	struct tree *tree = (struct tree *)t;

	if (!t)
		return;
	view_tree__free(tree->a);
	view_tree__free(tree->b);
	free(t->nodes);
	free(tree);
}
