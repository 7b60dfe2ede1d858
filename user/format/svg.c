/*
 * The flame graph: one SVG that opens alone in a browser. It is two things at once: a still picture
 * that needs no script (READMEs, converters), and data with a script that replaces the picture by a
 * page. The script inserts names as text only, and the data holds no character a parser would act
 * on.
 */
#include "user/format/format.h"
#include "user/format/svg_data.h"
#include "user/format/svg_heading.h"
#include "user/format/svg_still.h"
#include "user/format/svg_text.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <errno.h>
#include <string.h>

#define LINE_PX       16
#define TITLE_COLUMNS 105

/* Made by the Makefile from the files beside this one. */
static const char script[] = {
#include <user/format/svg_script.js.inc>
	0};
static const char style[] = {
#include <user/format/svg_style.css.inc>
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
	static const char *const names[SVG_KINDS] = {"your code", "standard library",
						     "site-packages", "marks", "roots"};
	bool used[SVG_KINDS] = {false};
	double x = SVG_MARGIN;

	for (uint32_t i = 0; i < l->label_cnt; i++)
		used[l->labels[i].kind] = true;
	for (int kind = 0; kind < SVG_KINDS; kind++) {
		const struct svg_label swatch = {NULL, (enum svg_kind)kind, SVG_MIDDLE_SHADE};
		char class[8];

		if (!used[kind])
			continue;
		fprintf(out, "<rect class=\"%s\"", svg_class(&swatch, class));
		svg_put_coord(out, "x", x);
		svg_put_coord(out, "y", y - 9);
		fputs(" width=\"11\" height=\"11\" rx=\"3\"/>\n", out);
		put_text(out, "small", x + 16, y, names[kind]);
		x += 40 + 6.6 * (double)strlen(names[kind]);
	}
}

static void put_opening(const struct svg_heading *h, double height, FILE *out)
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
		"</desc>\n<style><![CDATA[\n%s]]></style>\n<g id=\"still\">\n"
		"<rect class=\"paper\" width=\"%d\" height=\"%.0f\" rx=\"8\"/>\n",
		style, SVG_WIDTH, height);
	put_text(out, "title", SVG_MARGIN, 30, h->title);
}

/* The lines of a heading from `y` on; returns where the next one would be. */
static double put_lines(const struct svg_heading *h, const char *class, double y, FILE *out)
{
	for (size_t i = 0; i < h->line_cnt; i++) {
		if (!*h->lines[i])
			continue;
		put_text(out, class, SVG_MARGIN, y, h->lines[i]);
		y += LINE_PX;
	}
	return y;
}

static void write_frames(const struct svg_layout *l, const struct svg_heading *h,
			 const struct view *v, FILE *out)
{
	double top = 52 + LINE_PX * (double)h->line_cnt + 20;
	double y;

	put_opening(h, top + (double)l->row_cnt * SVG_ROW + SVG_MARGIN, out);
	y = put_lines(h, "small", 51, out);
	put_legend(l, y + 6, out);
	svg_still_write(l, top, v->icicle, out);
	fputs("</g>\n<script type=\"application/json\" id=\"data\">", out);
	svg_data_write(l, h, v, out);
	fprintf(out, "</script>\n<script><![CDATA[\n%s]]></script>\n</svg>\n", script);
}

static void write_empty(const struct profile *p, const struct svg_heading *h, FILE *out)
{
	struct svg_heading why = {0};
	double y;

	svg_heading__explain_emptiness(&why, p);
	put_opening(h, 84 + LINE_PX * (double)(h->line_cnt + why.line_cnt), out);
	y = put_lines(h, "small", 51, out);
	put_lines(&why, "message", y + 20, out);
	fputs("</g>\n</svg>\n", out);
	svg_heading__free(&why);
}

static int svg_write(const struct profile *p, const struct view *v, FILE *out)
{
	struct view_tree *tree = view_tree__new(v, p);
	struct svg_layout *layout = svg_layout__new(tree, p);
	struct svg_heading heading = {0};

	svg_heading__fill(&heading, p, v, layout);
	if (layout->node_cnt)
		write_frames(layout, &heading, v, out);
	else
		write_empty(p, &heading, out);
	svg_heading__free(&heading);
	svg_layout__free(layout);
	view_tree__free(tree);
	if (!ferror(out))
		return 0;
	log_error("svg: the flame graph could not be written: %s", strerror(errno));
	return -EIO;
}

static const char *const suffixes[] = {".svg", NULL};

const struct format format_svg = {
	.name = "svg",
	.help = "interactive flame graph for any browser",
	.suffixes = suffixes,
	.is_page = true,
	.write = svg_write,
};
