/* SPDX-License-Identifier: MIT */
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
#include "user/profile/loss_words.h"
#include "user/util/alloc.h"
#include <errno.h>
#include <inttypes.h>
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
	struct chance_change c = diff_tree__change(of->t, of->d, node);
	double most = c.from > c.to ? c.from : c.to, part = most > 0 ? fabs(c.by) / most : 0;

	label->kind = !of->t->found[node] ? SVG_EVEN : c.by > 0 ? SVG_MORE : SVG_LESS;
	if (of->t->found[node])
		label->shade = part >= 1 ? SVG_SHADES - 1 : (unsigned)(part * SVG_SHADES);
}

/* "A: before.pybpf · pid 42 · 1,234 samples · 12.34 CPU seconds · no samples lost or failed" */
static char *run_line(char letter, const char *file, const struct profile *p, const struct view *v)
{
	__cleanup_free char *losses = loss_text(p);
	struct view_sum sum = view__sum(v, p);
	__cleanup_free char *samples = svg_grouped(sum.samples);
	__cleanup_free char *value = value_text(view__type(v, p), (double)sum.value);

	return xasprintf("%c: %s · %s%s%s samples · %s · %s", letter, file, p->meta.target,
			 *p->meta.target ? " · " : "", samples, value, losses);
}

/* The share of a run in frames that the other one does not have: of each path only its top. */
static double unseen_share(const struct diff_tree *t, bool of_a)
{
	const uint64_t *here = of_a ? t->a : t->b, *other = of_a ? t->b : t->a;
	uint64_t unseen = 0;

	for (uint32_t i = 1; i < t->tree->count; i++)
		if (here[i] && !other[i] && other[t->tree->nodes[i].parent])
			unseen += here[i];
	return here[0] ? 100 * (double)unseen / (double)here[0] : 0;
}

static void fill_heading(struct svg_heading *h, const struct svg_diff *s, const struct diff_tree *t,
			 const struct svg_layout *l)
{
	const struct view *v = s->view;
	char drawn = s->width_of_a ? 'A' : 'B', other = s->width_of_a ? 'B' : 'A';
	double unseen = unseen_share(t, !s->width_of_a);
	__cleanup_free char *what = NULL, *change = NULL;

	h->title = v->title && *v->title ? svg_cut(v->title, SVG_LINE_COLUMNS)
					 : xasprintf("%s: what changed from A to B", l->type->sentence);
	svg_heading__add_line(h, run_line('A', s->name_a, s->diff->a, &s->diff->view_a));
	svg_heading__add_line(h, run_line('B', s->name_b, s->diff->b, &s->diff->view_b));
	if (s->diff->options.absolute) {
		what = value_text_of(l->type, "");
		change = xasprintf("in %s", what);
	} else {
		what = xasprintf("share of the %s", l->type->sentence);
		change = xasprintf("of shares of the %s of each run", l->type->sentence);
	}
	svg_heading__add_line(h, xasprintf("Width: %s in %c. Colour: the change from A to B, %s. %s%s", what, drawn,
					   change,
					   v->from_leaf ? "Merged from the leaf: a function, then its callers. " : "",
					   v->gil_only ? "Only samples that held the GIL." : ""));
	if (unseen >= 0.005)
		svg_heading__add_line(h, xasprintf("%.2f%% of %c is in frames that %c does not have: they are "
						   "not in this picture (--width %c shows them)",
						   unseen, other, drawn, other - 'A' + 'a'));
	if (l->pruned_cnt)
		svg_heading__add_line(h, xasprintf("%" PRIu64 " frames below %.2g%% left out", l->pruned_cnt,
						   100 * (double)l->least_value / (double)l->nodes[0].total_value));
}

int svg_diff_write(const struct svg_diff *s, FILE *out)
{
	struct diff_tree *t = diff_tree__new(s->diff, s->width_of_a);
	struct compared of = {s->diff, t};
	struct svg_layout *l = svg_layout__painted(t->tree, paint, &of);
	struct svg_compared compared = {t->a, t->b, s->diff->options.absolute};
	struct svg_heading heading = {0};

	l->type = view__type(&s->diff->view_b, s->diff->b);
	l->compared = &compared;
	fill_heading(&heading, s, t, l);
	svg_page_write(l, &heading, s->view, out);
	svg_heading__free(&heading);
	svg_layout__free(l);
	diff_tree__free(t);
	return ferror(out) ? -EIO : 0;
}
