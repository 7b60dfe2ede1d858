/*
 * A differential flame graph as Brendan Gregg draws them: frames as wide as their time in one of
 * the recordings, red where B had more of it than A, blue where less. Grey is what chance explains,
 * so that noise has no colour. Frames that are only in the other recording have no width here; the
 * heading says how much that is.
 */
#include "user/format/svg/svg_diff.h"
#include "user/format/svg/svg_page.h"
#include "user/format/svg/svg_text.h"
#include "user/profile/diff_tree.h"
#include "user/util/alloc.h"
#include <errno.h>
#include <math.h>
#include <string.h>

struct compared {
	const struct diff *d;
	const struct diff_tree *t;
};

/* The shade grows with the change as a part of the larger of both: all of it for new frames. */
static void paint(void *ctx, uint32_t node, struct svg_label *label)
{
	const struct compared *of = ctx;
	const struct diff_node *n = &of->t->nodes[node];
	struct chance_change c = diff__change(of->d, &n->a, &n->b);
	double most = c.from > c.to ? c.from : c.to, part = most > 0 ? fabs(c.by) / most : 0;

	label->kind = !n->found ? SVG_EVEN : c.by > 0 ? SVG_MORE : SVG_LESS;
	if (n->found)
		label->shade = part >= 1 ? SVG_SHADES - 1 : (unsigned)(part * SVG_SHADES);
}

/* The tree as the layout takes it. Texts stay with `t`. */
static struct view_tree tree_of(const struct diff_tree *t, bool width_of_a)
{
	struct view_tree out = {.count = t->count, .depth = t->depth};

	out.nodes = xcalloc(t->count, sizeof(*out.nodes));
	for (uint32_t i = 0; i < t->count; i++) {
		const struct diff_node *n = &t->nodes[i];
		uint64_t ns = width_of_a ? n->a.ns : n->b.ns;

		out.nodes[i] = (struct view_node){
			.text = (char *)n->text,
			.parent = n->parent,
			.child = n->child,
			.next = n->next,
			.depth = n->depth,
			.origin = n->origin,
			.total_ns = ns,
			.own_ns = ns,
		};
		if (i)
			out.nodes[n->parent].own_ns -= ns;
	}
	return out;
}

static void new_line(struct svg_heading *h, char *text)
{
	h->lines[h->line_cnt++] = text;
}

/* "A: before.pybpf · pid 42 · 1,234 samples · 12.34 CPU seconds · no samples lost" */
static char *run_line(char letter, const char *file, const struct profile *p, const struct view *v)
{
	__cleanup_free char *losses = profile__loss_text(p);
	__cleanup_free char *samples = NULL;
	uint64_t cnt = 0, ns = 0;

	for (size_t i = 0; i < p->bucket_cnt; i++) {
		cnt += view__samples(v, &p->buckets[i]);
		ns += view__value_ns(v, &p->buckets[i]);
	}
	samples = svg_grouped(cnt);
	return xasprintf("%c: %s · %s%s%s samples · %.2f CPU seconds · %s", letter, file,
			 p->meta.target, *p->meta.target ? " · " : "", samples, (double)ns / 1e9,
			 losses);
}

/* The share of a run in frames that the other one does not have: of each path only its top. */
static double unseen_share(const struct diff_tree *t, bool of_a)
{
	uint64_t unseen = 0, all = of_a ? t->nodes[0].a.ns : t->nodes[0].b.ns;

	for (uint32_t i = 1; i < t->count; i++) {
		const struct diff_node *n = &t->nodes[i], *above = &t->nodes[n->parent];
		uint64_t here = of_a ? n->a.ns : n->b.ns, other = of_a ? n->b.ns : n->a.ns;

		if (here && !other && (of_a ? above->b.ns : above->a.ns))
			unseen += here;
	}
	return all ? 100 * (double)unseen / (double)all : 0;
}

/* Nodes that have a width, however small. */
static size_t drawable(const struct diff_tree *t, bool width_of_a)
{
	size_t cnt = 0;

	for (uint32_t i = 0; i < t->count; i++)
		cnt += (width_of_a ? t->nodes[i].a.ns : t->nodes[i].b.ns) != 0;
	return cnt;
}

static void fill_heading(struct svg_heading *h, const struct svg_diff *s, const struct diff_tree *t,
			 const struct svg_layout *l)
{
	const struct view *v = s->view;
	char drawn = s->width_of_a ? 'A' : 'B', other = s->width_of_a ? 'B' : 'A';
	double unseen = unseen_share(t, !s->width_of_a);
	size_t pruned = drawable(t, s->width_of_a) - l->node_cnt;

	h->title = v->title && *v->title ? svg_cut(v->title, SVG_LINE_COLUMNS)
					 : xstrdup("CPU time: what changed from A to B");
	new_line(h, run_line('A', s->name_a, s->diff->a, v));
	new_line(h, run_line('B', s->name_b, s->diff->b, v));
	new_line(h, xasprintf("Width: %s in %c. Colour: the change from A to B%s. %s%s",
			      s->diff->options.absolute ? "CPU seconds" : "share of the CPU time",
			      drawn,
			      s->diff->options.absolute ? ", in CPU seconds"
							: ", of shares of the CPU time of each run",
			      v->from_leaf ? "Merged from the leaf: a function, then its callers. "
					   : "",
			      v->gil_only ? "Only samples that held the GIL." : ""));
	if (unseen >= 0.005)
		new_line(h, xasprintf("%.2f%% of %c is in frames that %c does not have: they are "
				      "not in this picture (--width %c shows them)",
				      unseen, other, drawn, other - 'A' + 'a'));
	if (pruned)
		new_line(h, xasprintf("%zu frames below %.2g%% left out", pruned,
				      100 * (double)l->least_ns / (double)l->nodes[0].total_ns));
}

int svg_diff_write(const struct svg_diff *s, FILE *out)
{
	struct diff_tree *t = diff_tree__new(s->diff);
	struct view_tree tree = tree_of(t, s->width_of_a);
	struct compared of = {s->diff, t};
	struct svg_layout *l = svg_layout__painted(&tree, paint, &of);
	uint64_t *a_ns = xcalloc(t->count, sizeof(*a_ns)), *b_ns = xcalloc(t->count, sizeof(*b_ns));
	struct svg_compared compared = {a_ns, b_ns, s->diff->options.absolute};
	struct svg_heading heading = {0};

	for (uint32_t i = 0; i < t->count; i++) {
		a_ns[i] = t->nodes[i].a.ns;
		b_ns[i] = t->nodes[i].b.ns;
	}
	l->compared = &compared;
	fill_heading(&heading, s, t, l);
	svg_page_write(l, &heading, s->view, out);
	svg_heading__free(&heading);
	svg_layout__free(l);
	diff_tree__free(t);
	free(tree.nodes);
	free(a_ns);
	free(b_ns);
	return ferror(out) ? -EIO : 0;
}
