/*
 * The still picture. Frames too narrow for a text are not drawn one by one: neighbours in a row
 * become one strip, so that a picture of 100,000 frames stays small and still shows where time
 * went.
 */
#include "user/format/svg/svg_still.h"
#include "user/format/svg/svg_text.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include <math.h>
#include <string.h>

#define THIN_PX   3    /* narrower frames join a strip */
#define HIDE_PX   0.2  /* narrower ones are not drawn */
#define TOUCH_PX  0.8  /* strips closer than this become one */
#define DRAWN_MAX 4000 /* frames drawn one by one; beyond, narrow ones join strips, */
#define WIDE_PX   12   /* but none as wide as this */

struct strip {
	double from, to;
	enum svg_kind kind;
};

struct still {
	const struct svg_layout *layout;
	FILE *out;
	double top, px;   /* px of a nanosecond */
	uint64_t thin_ns; /* frames with less join a strip */
	bool icicle;
};

/* "12.34%", or "1.234 s". */
static char *amount(const struct svg_compared *c, uint64_t ns, uint64_t whole_ns)
{
	if (c->absolute)
		return xasprintf("%.3f s", (double)ns / 1e9);
	return xasprintf("%.2f%%", whole_ns ? 100.0 * (double)ns / (double)whole_ns : 0);
}

static char *compared_tooltip(const struct svg_layout *l, const struct svg_node *n)
{
	const struct svg_compared *c = l->compared;
	__cleanup_free char *a = amount(c, c->a_ns[n->tree_node], c->a_ns[0]);
	__cleanup_free char *b = amount(c, c->b_ns[n->tree_node], c->b_ns[0]);

	return xasprintf("%s (A %s, B %s)", l->labels[n->label].text, a, b);
}

char *svg_tooltip(const struct svg_layout *l, const struct svg_node *n)
{
	__cleanup_free char *samples = NULL;
	if (l->compared)
		return compared_tooltip(l, n);
	samples = svg_grouped(n->samples);
	return xasprintf("%s (%.2f%% · %.3f CPU s · %s sample%s)", l->labels[n->label].text,
			 100.0 * (double)n->total_ns / (double)l->nodes[0].total_ns,
			 (double)n->total_ns / 1e9, samples, n->samples == 1 ? "" : "s");
}

static double row_y(const struct still *s, uint32_t depth)
{
	uint32_t row = s->icicle ? depth : s->layout->row_cnt - 1 - depth;

	return s->top + (double)row * SVG_ROW;
}

/* The place in brackets is set apart, as `qualname (file.py:line)` reads best so. */
static void put_label(const struct still *s, const struct svg_label *label, double width)
{
	__cleanup_free char *text =
		svg_cut(label->text, width < 8 ? 0 : (size_t)((width - 7) / SVG_CHAR));
	char *at = label->kind == SVG_ROOT ? NULL : strrchr(text, '(');

	if (!at || at == text || at[-1] != ' ') {
		svg_put_xml(s->out, text);
		return;
	}
	at[-1] = 0;
	svg_put_xml(s->out, text);
	fputs(" <tspan>(", s->out);
	svg_put_xml(s->out, at + 1);
	fputs("</tspan>", s->out);
}

static void put_frame(const struct still *s, const struct svg_node *n)
{
	const struct svg_label *label = &s->layout->labels[n->label];
	__cleanup_free char *tooltip = svg_tooltip(s->layout, n);
	double x = SVG_MARGIN + (double)n->left_ns * s->px, width = (double)n->total_ns * s->px;
	double y = row_y(s, n->depth);
	char class[8];

	fputs("<g><title>", s->out);
	svg_put_xml(s->out, tooltip);
	fprintf(s->out, "</title><rect class=\"%s\"", svg_class(label, class));
	svg_put_coord(s->out, "x", x);
	svg_put_coord(s->out, "y", y);
	svg_put_coord(s->out, "width", width - 0.6);
	fprintf(s->out, " height=\"%d\" rx=\"2\"/>", SVG_ROW - 1);
	if (width > 7 + 3 * SVG_CHAR) {
		fputs("<text", s->out);
		svg_put_coord(s->out, "x", x + 3.5);
		svg_put_coord(s->out, "y", y + 12.5);
		putc('>', s->out);
		put_label(s, label, width);
		fputs("</text>", s->out);
	}
	fputs("</g>\n", s->out);
}

/* All strips of a kind are one path: `Mx yhwidthv17Hxz` each. */
static void end_strip(const struct still *s, uint32_t depth, const struct strip *strip,
		      struct buf *paths)
{
	long x = lround(strip->from * 10), width = lround((strip->to - strip->from) * 10);

	if (strip->to <= strip->from)
		return;
	width = width > 2 ? width : 2;
	buf_printf(&paths[strip->kind], "M%ld.%ld %.0fh%ld.%ldv%dH%ld.%ldz", x / 10, x % 10,
		   row_y(s, depth), width / 10, width % 10, SVG_ROW - 1, x / 10, x % 10);
}

static void collect_strips(const struct still *s, struct buf *paths)
{
	struct strip *strips = xcalloc(s->layout->row_cnt, sizeof(*strips));

	for (uint32_t i = 0; i < s->layout->node_cnt; i++) {
		const struct svg_node *n = &s->layout->nodes[i];
		double from = SVG_MARGIN + (double)n->left_ns * s->px,
		       width = (double)n->total_ns * s->px;
		struct strip *strip = &strips[n->depth];
		enum svg_kind kind = s->layout->labels[n->label].kind;

		if (n->total_ns >= s->thin_ns || width < HIDE_PX)
			continue;
		if (from <= strip->to + TOUCH_PX &&
		    (kind == strip->kind || strip->to - strip->from < THIN_PX)) {
			strip->to = from + width;
			continue;
		}
		end_strip(s, n->depth, strip, paths);
		*strip = (struct strip){from, from + width, kind};
	}
	for (uint32_t depth = 0; depth < s->layout->row_cnt; depth++)
		end_strip(s, depth, &strips[depth], paths);
	free(strips);
}

static void put_strips(const struct still *s)
{
	struct buf paths[SVG_KINDS] = {{0}};

	collect_strips(s, paths);
	fputs("<g class=\"thin\">\n", s->out);
	for (int kind = 0; kind < SVG_KINDS; kind++) {
		const struct svg_label look = {NULL, (enum svg_kind)kind, SVG_MIDDLE_SHADE};
		char class[8];

		if (paths[kind].len)
			fprintf(s->out, "<path class=\"%s\" d=\"%s\"/>\n", svg_class(&look, class),
				paths[kind].data);
		buf_free(&paths[kind]);
	}
	fputs("</g>\n", s->out);
}

static uint64_t thin_ns(const struct svg_layout *l, double px)
{
	uint64_t thin = (uint64_t)(THIN_PX / px) + 1;

	for (;; thin *= 2) {
		uint32_t drawn = 0;

		for (uint32_t i = 0; i < l->node_cnt; i++)
			drawn += l->nodes[i].total_ns >= thin;
		if (drawn <= DRAWN_MAX || (double)thin * 2 * px > WIDE_PX)
			return thin;
	}
}

void svg_still_write(const struct svg_layout *l, double top, bool icicle, FILE *out)
{
	struct still s = {l, out, top, 0, 0, icicle};

	if (!l->node_cnt)
		return;
	s.px = (SVG_WIDTH - 2 * SVG_MARGIN) / (double)l->nodes[0].total_ns;
	s.thin_ns = thin_ns(l, s.px);
	put_strips(&s);
	fputs("<g class=\"frames\">\n", out);
	for (uint32_t i = 0; i < l->node_cnt; i++)
		if (l->nodes[i].total_ns >= s.thin_ns)
			put_frame(&s, &l->nodes[i]);
	fputs("</g>\n", out);
}
