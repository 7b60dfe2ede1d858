/* SPDX-License-Identifier: MIT */
/*
 * The selection: a page stays fast and a file small because frames that nobody could see are left
 * out, and because the number of frames is bounded. Frames left out are counted, for the subtitle.
 */
#include "user/format/svg/svg_layout.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/intern.h"
#include <string.h>

#define SHADES_OF_LIBRARY (SVG_SHADES / LIBRARIES_SLOTS)

unsigned svg_shade(const struct profile_function *f)
{
	const char *part[] = {f->name, f->short_file};
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (size_t i = 0; i < ARRAY_SIZE(part); i++)
		for (const char *c = part[i] ? part[i] : "";; c++) {
			hash = (hash ^ (unsigned char)*c) * 16777619u;
			if (!*c)
				break;
		}
	/* the low bits of FNV alone are poor: fold the high ones in */
	return (hash ^ hash >> 15 ^ hash >> 24) % SVG_SHADES;
}

unsigned svg_shade_among(const struct profile_function *f, const struct svg_groups *g)
{
	enum view_class class = view__class(f);
	const struct libraries *l = class == VIEW_SITE ? g->libraries : class == VIEW_NATIVE ? g->objects : NULL;

	if (class == VIEW_WAIT)
		return wait__number(f);
	if (class != VIEW_SITE && class != VIEW_NATIVE)
		return svg_shade(f);
	return (l ? l->slots[f->id] : 0) * SHADES_OF_LIBRARY + svg_shade(f) % SHADES_OF_LIBRARY;
}

struct svg_groups svg_groups__new(const struct profile *p, const uint64_t *area)
{
	return (struct svg_groups){libraries__new(p, area), libraries__objects(p, area)};
}

void svg_groups__free(struct svg_groups *g)
{
	libraries__free(g->libraries);
	libraries__free(g->objects);
}

static bool has_slots(enum svg_kind kind)
{
	return (int)kind == VIEW_SITE || (int)kind == VIEW_NATIVE;
}

unsigned svg_middle_shade(const struct svg_label *label)
{
	if ((int)label->kind == VIEW_WAIT)
		return label->shade;
	return has_slots(label->kind) ? label->shade - label->shade % SHADES_OF_LIBRARY : SVG_MIDDLE_SHADE;
}

static bool has_shades(enum svg_kind kind)
{
	return (int)kind <= VIEW_NATIVE || (int)kind == VIEW_WAIT || kind == SVG_MORE || kind == SVG_LESS;
}

const char *svg_class(const struct svg_label *label, char *out)
{
	static const char letter[SVG_KINDS] = {'u', 'l', 's', 'c', 'i', 'k', 'm', 'w', 'g', 'r', 'p', 'n', 'e'};

	if (!has_shades(label->kind))
		sprintf(out, "%c", letter[label->kind]);
	else
		sprintf(out, "%c%u", letter[label->kind], label->shade % SVG_SHADES);
	return out;
}

/* NULL: no frame is of it. */
static char *kind_name(const struct svg_layout *l, enum svg_kind kind)
{
	static const char *const names[SVG_KINDS] = {
		[VIEW_USER] = "your code",
		[VIEW_STDLIB] = "standard library",
		[VIEW_SITE] = "site-packages",
		[VIEW_NATIVE] = "native code",
		[VIEW_INLINED] = "inlined",
		[VIEW_KERNEL] = "kernel",
		[VIEW_SYNTHETIC] = "synthetic frames",
		[VIEW_WAIT] = "waits",
		[VIEW_COLLECTOR] = "garbage collector",
		[SVG_ROOT] = "roots",
		[SVG_LESS] = "less",
		[SVG_EVEN] = "no change beyond chance",
	};

	for (uint32_t i = 0; i < l->label_cnt; i++)
		if (l->labels[i].kind == kind)
			return names[kind] ? xstrdup(names[kind]) : xasprintf("more %s in B", l->type->sentence);
	return NULL;
}

/* Names of slots, for kinds that have some. */
static const char *const *slot_names(const struct svg_layout *l, enum svg_kind kind)
{
	const struct libraries *of = (int)kind == VIEW_SITE ? l->groups.libraries : l->groups.objects;

	return has_slots(kind) && of ? of->names : NULL;
}

static size_t put_causes(const struct svg_layout *l, struct svg_key *out)
{
	bool used[SVG_SHADES] = {false};
	size_t cnt = 0;

	for (uint32_t i = 0; i < l->label_cnt; i++)
		if ((int)l->labels[i].kind == VIEW_WAIT)
			used[l->labels[i].shade % SVG_SHADES] = true;
	for (unsigned i = 0; i < SVG_SHADES; i++)
		if (used[i])
			out[cnt++] =
				(struct svg_key){xstrdup(wait__words(i)), false, {NULL, (enum svg_kind)VIEW_WAIT, i}};
	return cnt;
}

size_t svg_legend(const struct svg_layout *l, struct svg_key *out)
{
	size_t cnt = 0;

	for (enum svg_kind kind = 0; kind < SVG_KINDS; kind++) {
		const char *const *names = slot_names(l, kind);
		struct svg_label look = {NULL, kind, has_slots(kind) ? 0 : SVG_MIDDLE_SHADE};
		char *name = kind_name(l, kind);

		if (!name)
			continue;
		out[cnt++] = (struct svg_key){name, names || (int)kind == VIEW_WAIT, look};
		if ((int)kind == VIEW_WAIT)
			cnt += put_causes(l, out + cnt);
		for (unsigned slot = 0; names && slot < LIBRARIES_SLOTS; slot++) {
			look.shade = slot * SHADES_OF_LIBRARY;
			if (names[slot])
				out[cnt++] = (struct svg_key){xstrdup(names[slot]), false, look};
		}
	}
	return cnt;
}

/* Children never have more time than their parent, so counting the nodes kept needs no walk. */
static uint32_t kept_nodes(const struct view_tree *t, uint64_t least_value)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < t->count; i++)
		kept += t->nodes[i].total_value >= least_value;
	return kept;
}

static uint64_t least_value(const struct view_tree *t)
{
	uint64_t total = t->nodes[0].total_value, least = total / SVG_LEAST_SHARE;

	if (!least)
		least = 1;
	while (least * 2 <= total / SVG_MOST_SHARE && kept_nodes(t, least) > SVG_NODES_MAX)
		least *= 2;
	return least;
}

/* The node to the right of `i`'s subtree or, with `into`, its first child; 0 at the end. */
static uint32_t following(const struct view_tree *t, uint32_t i, bool into)
{
	if (into && t->nodes[i].child)
		return t->nodes[i].child;
	while (i && !t->nodes[i].next)
		i = t->nodes[i].parent;
	return i ? t->nodes[i].next : 0;
}

static uint32_t label_of(struct svg_layout *l, struct intern *seen, struct buf *key, const struct svg_label *label)
{
	char class[8];
	uint32_t id;

	buf_reset(key);
	buf_printf(key, "%s %s", svg_class(label, class), label->text);
	id = intern__id(seen, key->data, key->len);
	if (id > l->label_cnt)
		l->labels[l->label_cnt++] = *label;
	return id - 1;
}

static void place(struct svg_layout *l, const struct view_tree *t, svg_paint_fn paint, void *ctx)
{
	struct intern *seen = intern__new();
	struct buf key = {0};
	/* by depth: where the next node begins; the newest node */
	uint64_t *edge = xcalloc(t->depth + 2, sizeof(*edge));
	struct svg_node **newest = xcalloc(t->depth + 2, sizeof(*newest));
	uint32_t i = 0;
	bool kept;

	do {
		const struct view_node *n = &t->nodes[i];
		struct svg_label label = {n->text ? n->text : "", SVG_ROOT, 0};

		kept = n->total_value >= l->least_value;
		if (kept) {
			paint(ctx, i, &label);
			newest[n->depth] = &l->nodes[l->node_cnt++];
			*newest[n->depth] = (struct svg_node){
				.label = label_of(l, seen, &key, &label),
				.depth = n->depth,
				.tree_node = i,
				.left_value = edge[n->depth],
				.total_value = n->total_value,
				.own_value = n->own_value,
				.samples = n->samples,
				.own_samples = n->own_samples,
			};
			edge[n->depth + 1] = edge[n->depth];
			edge[n->depth] += n->total_value;
			l->row_cnt = n->depth >= l->row_cnt ? n->depth + 1 : l->row_cnt;
		} else {
			l->pruned_value += n->total_value;
			newest[n->depth - 1]->pruned_value += n->total_value;
			newest[n->depth - 1]->pruned_samples += n->samples;
		}
	} while ((i = following(t, i, kept)));
	free(edge);
	free(newest);
	buf_free(&key);
	intern__free(seen);
}

/* By where the code lives, with a shade for each function. */
struct origins {
	const struct view_tree *tree;
	const struct profile *p;
	const struct svg_groups *groups;
};

static void paint_origin(void *ctx, uint32_t node, struct svg_label *label)
{
	const struct origins *o = ctx;
	const struct view_node *n = &o->tree->nodes[node];

	label->kind = n->function ? (enum svg_kind)n->class : SVG_ROOT;
	if (n->function)
		label->shade = svg_shade_among(&o->p->functions[n->function], o->groups);
}

static struct svg_groups find_groups(const struct view_tree *tree, const struct profile *p)
{
	__cleanup_free uint64_t *area = p ? xcalloc((size_t)p->function_cnt + 1, sizeof(*area)) : NULL;

	if (!p)
		return (struct svg_groups){0};
	for (uint32_t i = 0; i < tree->count; i++)
		area[tree->nodes[i].function] += tree->nodes[i].total_value;
	return svg_groups__new(p, area);
}

struct svg_layout *svg_layout__new(const struct view_tree *tree, const struct profile *p)
{
	struct svg_groups groups = find_groups(tree, p);
	struct origins origins = {tree, p, &groups};
	struct svg_layout *l = svg_layout__painted(tree, paint_origin, &origins);

	l->groups = groups;
	return l;
}

struct svg_layout *svg_layout__painted(const struct view_tree *tree, svg_paint_fn paint, void *ctx)
{
	struct svg_layout *l = xcalloc(1, sizeof(*l));
	uint32_t room;

	l->type = &profile_cpu_type;
	l->least_value = 1;
	if (!tree->count || !tree->nodes[0].total_value)
		return l;
	l->least_value = least_value(tree);
	room = kept_nodes(tree, l->least_value);
	l->nodes = xcalloc(room, sizeof(*l->nodes));
	l->labels = xcalloc(room, sizeof(*l->labels));
	place(l, tree, paint, ctx);
	l->pruned_cnt = kept_nodes(tree, 1) - l->node_cnt; /* comparisons have nodes without a width */
	return l;
}

void svg_layout__free(struct svg_layout *l)
{
	if (!l)
		return;
	free(l->nodes);
	free(l->labels);
	svg_groups__free(&l->groups);
	free(l);
}
