/* The flame graph of one recording. */
#include "user/format/format.h"
#include "user/format/svg/svg_page.h"
#include <errno.h>
#include <string.h>

static void write_empty(const struct profile *p, const struct svg_heading *h, FILE *out)
{
	struct svg_heading why = {0};
	double y;

	svg_heading__explain_emptiness(&why, p);
	svg_page_open(h, 84 + SVG_LINE_PX * (double)(h->line_cnt + why.line_cnt), out);
	y = svg_page_lines(h, "small", 51, out);
	svg_page_lines(&why, "message", y + 20, out);
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
		svg_page_write(layout, &heading, v, out);
	else
		write_empty(p, &heading, out);
	svg_heading__free(&heading);
	svg_layout__free(layout);
	view_tree__free(tree);
	return ferror(out) ? -EIO : 0;
}

static const char *const suffixes[] = {".svg", NULL};

const struct format format_svg = {
	.name = "svg",
	.help = "open it in a browser; click to zoom, / to search",
	.suffixes = suffixes,
	.is_page = true,
	.write = svg_write,
};
