/* SPDX-License-Identifier: MIT */
/*
 * The merged call tree. A node is found by (parent, text), so frames that read the same under the
 * same parent are one; a stack's node is remembered per root, so each stack is walked only as far
 * as it is new. Nodes are made parents first, which lets one pass backwards add up the totals.
 */
#include "user/profile/view.h"
#include "user/profile/process_groups.h"
#include "user/profile/program_title.h"
#include "user/profile/user_start.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/intern.h"
#include "user/util/pair_map.h"
#include <string.h>

struct tree {
	struct view_tree t; /* first: the public pointer is a pointer to this */
	struct intern *texts;
};

struct build {
	const struct view *v;
	const struct profile *p;
	struct tree *tree;
	uint32_t cap;
	uint32_t *frame_texts; /* by frame; 0: not made yet */
	uint32_t *process_nodes, *thread_nodes;
	struct pair_map children; /* (parent node, text) → node */
	struct pair_map stacks;   /* (root node, stack) → node */
	uint32_t *path;           /* stacks still to be added */
	bool *has_user;           /* by stack; NULL: all of it is shown */
	bool process_roots;
	struct process_groups *groups;   /* NULL: no roots for them */
	struct process_groups *programs; /* NULL: processes are not merged */
};

static uint32_t add_node(struct build *b, uint32_t parent, uint32_t text)
{
	struct view_tree *t = &b->tree->t;
	struct view_node *n;

	xgrow(t->nodes, t->count, b->cap);
	n = &t->nodes[t->count];
	*n = (struct view_node){.parent = parent};
	n->text = (char *)intern__bytes(b->tree->texts, text, NULL);
	if (t->count)
		n->depth = t->nodes[parent].depth + 1;
	if (n->depth > t->depth)
		t->depth = n->depth;
	return t->count++;
}

/* Takes over `text`. */
static uint32_t text_id(struct build *b, char *text)
{
	uint32_t id = intern__id(b->tree->texts, text, strlen(text));

	free(text);
	return id;
}

/* The child of `parent` that reads so. Node 0 is nobody's child, so 0 can mean "new". */
static uint32_t child_of(struct build *b, uint32_t parent, uint32_t text)
{
	uint32_t *slot = pair_map__slot(&b->children, parent, text);

	if (!*slot)
		*slot = add_node(b, parent, text);
	return *slot;
}

static char *process_text(const struct build *b, uint32_t process)
{
	if (b->programs)
		return process_groups__root(b->programs, process);
	if (b->v->no_ids) {
		__cleanup_free char *command = program_without_folders(b->p->processes[process].command);

		return xasprintf("process \"%s\"", command);
	}
	return view__process_text(b->p, process);
}

static char *thread_text(const struct build *b, uint32_t thread)
{
	const char *name = b->p->threads[thread].name;

	if (b->v->no_ids || b->programs) /* a pool's threads are alike, too */
		return *name ? xasprintf("thread %s", name) : xstrdup("thread without a name");
	return view__thread_text(b->p, thread);
}

/* The root of a process: below its container's, or the container's where processes have none. */
static uint32_t process_root(struct build *b, uint32_t process)
{
	uint32_t node = b->groups ? child_of(b, 0, text_id(b, process_groups__root(b->groups, process))) : 0;

	return b->process_roots ? child_of(b, node, text_id(b, process_text(b, process))) : node;
}

static uint32_t root_of(struct build *b, uint32_t thread)
{
	uint32_t process = b->p->threads[thread].process;
	uint32_t *of_process = &b->process_nodes[process];
	uint32_t *of_thread = &b->thread_nodes[thread];
	uint32_t node = 0;

	if (b->process_roots || b->groups) {
		if (!*of_process)
			*of_process = process_root(b, process);
		node = *of_process;
	}
	if (!b->v->threads)
		return node;
	if (!*of_thread)
		*of_thread = child_of(b, node, text_id(b, thread_text(b, thread)));
	return *of_thread;
}

static uint32_t frame_node(struct build *b, uint32_t parent, uint32_t frame)
{
	const struct profile *p = b->p;
	uint32_t node, count = b->tree->t.count;

	frame = view__frame(b->v, p, frame);
	if (!b->frame_texts[frame])
		b->frame_texts[frame] = text_id(b, view__frame_text(b->v, p, frame));
	node = child_of(b, parent, b->frame_texts[frame]);
	if (node == count) {
		b->tree->t.nodes[node].function = p->frames[frame].function;
		b->tree->t.nodes[node].class = view__class(&p->functions[p->frames[frame].function]);
	}
	return node;
}

/* The node below which a stack goes on, in a tree that begins with the user's code: one for all that is outside of it. */
static uint32_t outside_node(struct build *b, uint32_t root)
{
	uint32_t node = child_of(b, root, text_id(b, xstrdup("[outside your code]")));

	b->tree->t.nodes[node].class = VIEW_SYNTHETIC;
	return node;
}

static uint32_t stack_node(struct build *b, uint32_t root, uint32_t stack)
{
	const struct profile_stack *stacks = b->p->stacks;
	uint32_t node = root;
	size_t n = 0;

	for (; stack; stack = stacks[stack].parent) {
		uint32_t known = pair_map__get(&b->stacks, root, stack);

		if (known) {
			node = known;
			break;
		}
		b->path[n++] = stack;
	}
	while (n) {
		uint32_t parent = stacks[b->path[--n]].parent;

		if (b->has_user && b->has_user[b->path[n]] && !b->has_user[parent])
			node = root;
		else if (b->has_user && !parent)
			node = outside_node(b, root);
		node = frame_node(b, node, stacks[b->path[n]].frame);
		*pair_map__slot(&b->stacks, root, b->path[n]) = node;
	}
	return node;
}

/* From the leaf nothing can be remembered: stacks share their beginning, not their end. */
static uint32_t leaf_first_node(struct build *b, uint32_t root, uint32_t stack)
{
	uint32_t node = root;

	for (; stack; stack = b->p->stacks[stack].parent)
		node = frame_node(b, node, b->p->stacks[stack].frame);
	return node;
}

static void add_buckets(struct build *b)
{
	const struct profile *p = b->p;

	for (size_t i = 0; i < p->bucket_cnt; i++) {
		const struct profile_bucket *k = &p->buckets[i];
		struct view_node *n;
		uint32_t node;

		if (!view__samples(b->v, k))
			continue;
		node = root_of(b, k->thread);
		node = b->v->from_leaf ? leaf_first_node(b, node, k->stack) : stack_node(b, node, k->stack);
		n = &b->tree->t.nodes[node];
		n->own_samples += view__samples(b->v, k);
		n->own_value += view__value(b->v, k);
	}
}

static void add_totals(struct view_tree *t)
{
	for (uint32_t i = t->count; i-- > 0;) {
		struct view_node *n = &t->nodes[i];

		n->samples += n->own_samples;
		n->total_value += n->own_value;
		if (i) {
			t->nodes[n->parent].samples += n->samples;
			t->nodes[n->parent].total_value += n->total_value;
		}
	}
}

static int by_text(const void *a, const void *b, void *nodes)
{
	const struct view_node *n = nodes;

	return strcmp(n[*(const uint32_t *)a].text, n[*(const uint32_t *)b].text);
}

/* Goes through all nodes from the last text to the first, putting each in front of its siblings. */
static void link_children(struct view_tree *t)
{
	uint32_t *order = xcalloc(t->count, sizeof(*order));

	for (uint32_t i = 0; i < t->count; i++)
		order[i] = i;
	qsort_r(order, t->count, sizeof(*order), by_text, t->nodes);
	for (uint32_t i = t->count; i-- > 0;) {
		struct view_node *n = &t->nodes[order[i]];

		if (!order[i])
			continue;
		n->next = t->nodes[n->parent].child;
		t->nodes[n->parent].child = order[i];
	}
	free(order);
}

/* Adds the buckets of a profile, beside those of another one that may be there. */
static void add_profile(struct tree *tree, struct pair_map *children, uint32_t *cap, const struct view *v,
			const struct profile *p)
{
	struct build b = {
		.v = v,
		.p = p,
		.tree = tree,
		.cap = *cap,
		.children = *children,
		.frame_texts = xcalloc(p->frame_cnt + 1, sizeof(uint32_t)),
		.process_nodes = xcalloc(p->process_cnt + 1, sizeof(uint32_t)),
		.thread_nodes = xcalloc(p->thread_cnt + 1, sizeof(uint32_t)),
		.path = xcalloc(profile__max_depth(p) + 1, sizeof(uint32_t)),
		.has_user = v->from_user && !v->from_leaf ? user_start__stacks(p) : NULL,
		.process_roots = v->process_roots || view__process_roots(v, p),
		.groups = v->containers ? process_groups__new(p) : NULL,
		.programs = v->merge_processes ? process_groups__programs(v, p) : NULL,
	};

	if (!tree->texts) {
		tree->texts = intern__new();
		add_node(&b, 0, text_id(&b, xstrdup("all")));
	}
	add_buckets(&b);
	*cap = b.cap;
	*children = b.children;
	pair_map__free(&b.stacks);
	free(b.frame_texts);
	process_groups__free(b.groups);
	process_groups__free(b.programs);
	free(b.process_nodes);
	free(b.thread_nodes);
	free(b.has_user);
	free(b.path);
}

/* The totals of nodes so far; their values begin anew. */
static uint64_t *take_totals(struct view_tree *t)
{
	uint64_t *totals = xcalloc(t->count, sizeof(*totals));

	add_totals(t);
	for (uint32_t i = 0; i < t->count; i++) {
		struct view_node *n = &t->nodes[i];

		totals[i] = n->total_value;
		n->total_value = n->own_value = n->samples = n->own_samples = 0;
	}
	return totals;
}

struct view_tree *view_tree__of_two(const struct view *v, const struct profile *p, const struct view *other_v,
				    const struct profile *other, uint64_t **other_totals)
{
	struct tree *tree = xcalloc(1, sizeof(*tree));
	struct pair_map children = {0};
	uint32_t cap = 0, cnt = 0;

	if (other) {
		add_profile(tree, &children, &cap, other_v, other);
		*other_totals = take_totals(&tree->t);
		cnt = tree->t.count;
	}
	add_profile(tree, &children, &cap, v, p);
	if (other) {
		*other_totals = xrealloc(*other_totals, tree->t.count * sizeof(**other_totals));
		memset(*other_totals + cnt, 0, (tree->t.count - cnt) * sizeof(**other_totals));
	}
	add_totals(&tree->t);
	link_children(&tree->t);
	pair_map__free(&children);
	return &tree->t;
}

struct view_tree *view_tree__new(const struct view *v, const struct profile *p)
{
	return view_tree__of_two(v, p, NULL, NULL, NULL);
}

void view_tree__hide_common_roots(struct view_tree *t)
{
	struct view_node *n = t->nodes, *all = n;

	for (uint32_t only = all->child; only && !n[only].next && !n[only].function && !all->own_samples;
	     only = all->child) {
		if (n[only].class == VIEW_SYNTHETIC)
			break;
		all->text = n[only].text;
		all->child = n[only].child;
		all->own_value = n[only].own_value;
		all->own_samples = n[only].own_samples;
		n[only] = (struct view_node){.text = n[only].text};
		for (uint32_t c = all->child; c; c = n[c].next)
			n[c].parent = 0;
	}
	t->depth = 0;
	for (uint32_t i = 1; i < t->count; i++) {
		n[i].depth = n[n[i].parent].depth + 1;
		t->depth = n[i].depth > t->depth ? n[i].depth : t->depth;
	}
}

void view_tree__free(struct view_tree *t)
{
	if (!t)
		return;
	intern__free(((struct tree *)t)->texts);
	free(t->nodes);
	free(t);
}
