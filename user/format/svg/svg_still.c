/* SPDX-License-Identifier: MIT */
/*
 * The still picture. Frames too narrow for a text are not drawn one by one: those of a kind that are neighbours in a
 * row become one strip, to the px, so that a picture of 100,000 frames stays small and still shows where time went.
 */
#include "user/format/svg/svg_still.h"
#include "user/format/svg/svg_text.h"
#include "user/profile/chance.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include <math.h>
#include <string.h>

#define THIN_PX   3    /* narrower frames join a strip */
#define HIDE_PX   0.2  /* narrower ones are not drawn */
#define DRAWN_MAX 4000 /* frames drawn one by one; beyond, narrow ones join strips, */
#define WIDE_PX   12   /* but none as wide as this */

struct still {
	const struct svg_layout *layout;
	FILE *out;
	double top, px;      /* px of one of the value */
	uint64_t thin_value; /* frames with less join a strip */
	bool icicle;
};

/* "12.34%", or "1.234 CPU s". */
static char *amount(const struct svg_layout *l, uint64_t value, uint64_t whole)
{
	if (l->compared->absolute)
		return value_short_text(l->type, (double)value);
	return xasprintf("%.2f%%", whole ? 100.0 * (double)value / (double)whole : 0);
}

static char *compared_tooltip(const struct svg_layout *l, const struct svg_node *n)
{
	const struct svg_compared *c = l->compared;
	__cleanup_free char *a = amount(l, c->a[n->tree_node], c->a[0]);
	__cleanup_free char *b = amount(l, c->b[n->tree_node], c->b[0]);

	return xasprintf("%s (A %s, B %s)", l->labels[n->label].text, a, b);
}

/* `name (12.3% ± 1.0 · 1.234 CPU s · 1,234 samples)` */
static char *tooltip_of(const struct svg_layout *l, const struct svg_node *n)
{
	__cleanup_free char *samples = svg_grouped(n->samples);
	__cleanup_free char *value = value_short_text(l->type, (double)n->total_value);
	struct chance_share share;

	if (l->compared)
		return compared_tooltip(l, n);
	share = chance_share_of(n->total_value, l->nodes[0].total_value, l->nodes[0].samples);
	return xasprintf("%s (%.*f%% ± %.*f · %s · %s sample%s)", l->labels[n->label].text, share.decimals,
			 share.percent, share.decimals, share.error, value, samples, n->samples == 1 ? "" : "s");
}

static double row_y(const struct still *s, uint32_t depth)
{
	uint32_t row = s->icicle ? depth : s->layout->row_cnt - 1 - depth;

	return s->top + (double)row * SVG_ROW;
}

/* The place in brackets is set apart, as `qualname (file.py:line)` reads best so. */
static void put_label(const struct still *s, const struct svg_label *label, double width)
{
	__cleanup_free char *text = svg_cut(label->text, width < 8 ? 0 : (size_t)((width - 7) / SVG_CHAR));
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
	__cleanup_free char *tooltip = tooltip_of(s->layout, n);
	double x = SVG_MARGIN + (double)n->left_value * s->px, width = (double)n->total_value * s->px;
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

/* How thin frames look: their kinds, and of libraries each slot. */
#define THIN_LOOKS (SVG_KINDS * SVG_SHADES)

static unsigned look_of(const struct svg_label *label)
{
	return label->kind * SVG_SHADES + svg_middle_shade(label);
}

/* By row and px the look of the thin frame there + 1; 0: none. */
static unsigned char *thin_pixels(const struct still *s)
{
	unsigned char *pixels = xcalloc(s->layout->row_cnt, SVG_WIDTH);

	for (uint32_t i = 0; i < s->layout->node_cnt; i++) {
		const struct svg_node *n = &s->layout->nodes[i];
		double from = SVG_MARGIN + (double)n->left_value * s->px, width = (double)n->total_value * s->px;
		size_t first = (size_t)from, end = (size_t)(from + width);

		if (n->total_value < s->thin_value && width >= HIDE_PX)
			memset(pixels + n->depth * SVG_WIDTH + first, (int)look_of(&s->layout->labels[n->label]) + 1,
			       end > first ? end - first : 1);
	}
	return pixels;
}

/* All strips of a look are one path: `Mx yhwidthv17Hxz` each. */
static void put_strips_of(const struct still *s, const unsigned char *pixels, unsigned of)
{
	const struct svg_label look = {NULL, (enum svg_kind)(of / SVG_SHADES), of % SVG_SHADES};
	struct buf path = {0};
	char class[8];

	for (uint32_t depth = 0; depth < s->layout->row_cnt; depth++) {
		const unsigned char *row = pixels + depth * SVG_WIDTH;

		for (unsigned x = 0, width; x < SVG_WIDTH; x += width + 1) {
			for (width = 0; x + width < SVG_WIDTH && row[x + width] == of + 1; width++)
				;
			if (width)
				buf_printf(&path, "M%u %.0fh%uv%dH%uz", x, row_y(s, depth), width, SVG_ROW - 1, x);
		}
	}
	if (path.len)
		fprintf(s->out, "<path class=\"%s\" d=\"%s\"/>\n", svg_class(&look, class), path.data);
	buf_free(&path);
}

static void put_strips(const struct still *s)
{
	unsigned char *pixels = thin_pixels(s);
	bool used[THIN_LOOKS + 1] = {false};

	for (size_t i = 0; i < (size_t)s->layout->row_cnt * SVG_WIDTH; i++)
		used[pixels[i]] = true;
	fputs("<g class=\"thin\">\n", s->out);
	for (unsigned look = 0; look < THIN_LOOKS; look++)
		if (used[look + 1])
			put_strips_of(s, pixels, look);
	fputs("</g>\n", s->out);
	free(pixels);
}

static uint64_t thin_value(const struct svg_layout *l, double px)
{
	uint64_t thin = (uint64_t)(THIN_PX / px) + 1;

	for (;; thin *= 2) {
		uint32_t drawn = 0;

		for (uint32_t i = 0; i < l->node_cnt; i++)
			drawn += l->nodes[i].total_value >= thin;
		if (drawn <= DRAWN_MAX || (double)thin * 2 * px > WIDE_PX)
			return thin;
	}
}

void svg_still_write(const struct svg_layout *l, double top, bool icicle, FILE *out)
{
	struct still s = {l, out, top, 0, 0, icicle};

	if (!l->node_cnt)
		return;
	s.px = (SVG_WIDTH - 2 * SVG_MARGIN) / (double)l->nodes[0].total_value;
	s.thin_value = thin_value(l, s.px);
	put_strips(&s);
	fputs("<g class=\"frames\">\n", out);
	for (uint32_t i = 0; i < l->node_cnt; i++)
		if (l->nodes[i].total_value >= s.thin_value)
			put_frame(&s, &l->nodes[i]);
	fputs("</g>\n", out);
}
