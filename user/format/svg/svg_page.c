/* SPDX-License-Identifier: MIT */
/*
 * An SVG that opens alone in a browser. It is two things at once: a still picture that needs no
 * script (READMEs, converters), and data with a script that replaces the picture by a page. The
 * script inserts names as text only, and the data holds no character a parser would act on.
 */
#include "user/format/svg/svg_page.h"
#include "user/format/svg/svg_data.h"
#include "user/format/svg/svg_still.h"
#include "user/format/svg/svg_text.h"
#include "user/util/alloc.h"
#include <string.h>

#define TITLE_COLUMNS 105
#define LINE_PX       16

/* Made by the Makefile: the script is of flame/ and of the files beside this one. */
static const char script[] = {
#include <user/format/svg_page.js.inc>
	0};
static const char style[] = {
#include <user/format/svg/svg_style.css.inc>
	0};
static const char page_style[] = {
#include <user/format/flame/flame_style.css.inc>
	0};

static void put_text(FILE *out, const char *class, double x, double y, const char *text)
{
	bool is_title = !strcmp(class, "title");
	__cleanup_free char *cut = svg_cut(text, is_title ? TITLE_COLUMNS : SVG_LINE_COLUMNS);

	fprintf(out, "<text class=\"%s\"", class);
	svg_put_coord(out, "x", x);
	svg_put_coord(out, "y", y);
	putc('>', out);
	svg_put_xml(out, cut);
	fputs("</text>\n", out);
}

static void put_legend(const struct svg_layout *l, double y, FILE *out)
{
	struct svg_key keys[SVG_KEYS_MAX];
	size_t cnt = svg_legend(l, keys);
	double x = SVG_MARGIN;

	for (size_t i = 0; i < cnt; i++) {
		__cleanup_free char *name = keys[i].text;
		char class[8];

		if (!keys[i].is_heading) {
			fprintf(out, "<rect class=\"%s\"", svg_class(&keys[i].look, class));
			svg_put_coord(out, "x", x);
			svg_put_coord(out, "y", y - 9);
			fputs(" width=\"11\" height=\"11\" rx=\"3\"/>\n", out);
			x += 16;
		}
		put_text(out, "small", x, y, name);
		x += 24 + 6.3 * (double)strlen(name);
	}
}

static void open_page(const struct svg_heading *h, double height, FILE *out)
{
	fprintf(out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"flames\" width=\"100%%\" "
		"viewBox=\"0 0 %d %.0f\" preserveAspectRatio=\"xMidYMin\" role=\"img\">\n<title>",
		SVG_WIDTH, height);
	svg_put_xml(out, h->title);
	fputs("</title>\n<desc>", out);
	for (size_t i = 0; i < h->line_cnt; i++) {
		svg_put_xml(out, h->lines[i]);
		putc('\n', out);
	}
	fprintf(out,
		"</desc>\n<style id=\"palette\"><![CDATA[\n%s]]></style>\n<g id=\"still\">\n"
		"<rect class=\"paper\" width=\"%d\" height=\"%.0f\" rx=\"8\"/>\n",
		style, SVG_WIDTH, height);
	put_text(out, "title", SVG_MARGIN, 30, h->title);
}

void svg_page_write(const struct svg_layout *l, const struct svg_heading *h, const struct view *v, FILE *out)
{
	double y = 51, top = 52 + LINE_PX * (double)h->line_cnt + 20;

	open_page(h, top + (double)l->row_cnt * SVG_ROW + SVG_MARGIN, out);
	for (size_t i = 0; i < h->line_cnt; i++) {
		if (!*h->lines[i])
			continue;
		put_text(out, "small", SVG_MARGIN, y, h->lines[i]);
		y += LINE_PX;
	}
	put_legend(l, y + 6, out);
	svg_still_write(l, top, v->icicle, out);
	fputs("</g>\n", out);
	if (l->node_cnt) {
		fputs("<script type=\"application/json\" id=\"data\">", out);
		svg_data_write(l, h, v, out);
		fprintf(out, "</script>\n<style><![CDATA[\n%s]]></style>\n<script><![CDATA[\n%s]]></script>\n",
			page_style, script);
	}
	fputs("</svg>\n", out);
}
