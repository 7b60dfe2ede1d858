/* Title and small print of a flame graph: what was profiled, how, and what was lost. */
#pragma once
#include "user/format/svg/svg_layout.h"

#define SVG_LINES_MAX    24
#define SVG_LINE_COLUMNS 165 /* of the still picture's small print */

struct svg_heading {
	char *title;
	char *lines[SVG_LINES_MAX];
	size_t line_cnt;
};

void svg_heading__fill(struct svg_heading *h, const struct profile *p, const struct view *v,
		       const struct svg_layout *l);
/* Lines that tell why there is nothing to draw. */
void svg_heading__explain_emptiness(struct svg_heading *why, const struct profile *p);
void svg_heading__free(struct svg_heading *h);
