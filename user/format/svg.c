/* SPDX-License-Identifier: MIT */
/* The flame graph of one recording. */
#include "user/format/format.h"
#include "user/format/svg/svg_page.h"
#include "user/profile/user_start.h"
#include <errno.h>

static int svg_write(const struct profile *p, const struct view *v, FILE *out)
{
	struct view_tree *tree = view_tree__new(v, p);
	struct svg_heading heading = {0};
	struct svg_layout *layout;

	if (!v->whole)
		view_tree__hide_common_roots(tree);
	layout = svg_layout__new(tree, p);
	layout->type = view__type(v, p);
	svg_heading__fill(&heading, p, v, layout);
	heading.from_user = !v->whole && !v->from_leaf && user_start__is_far(v, p);
	svg_page_write(layout, &heading, v, out);
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
	.is_picture = true,
	.write = svg_write,
};
