/* SPDX-License-Identifier: MIT */
/* Title and small print of a flame graph: what was profiled, how, and what was lost. */
#pragma once
#include "user/format/svg/svg_layout.h"

#define SVG_LINES_MAX    24
#define SVG_LINE_COLUMNS 165 /* of the still picture's small print */

struct svg_heading {
	char *title;
	char *lines[SVG_LINES_MAX];
	size_t line_cnt;
	bool from_user; /* the page begins where the user's code does */
};

/* The title asked for, or "CPU flame graph of pid 42", where `what` is "flame graph". The caller frees. */
char *svg_title(const struct profile *p, const struct view *v, const char *what);
/* Without frames the heading tells why. */
void svg_heading__fill(struct svg_heading *h, const struct profile *p, const struct view *v,
		       const struct svg_layout *l);
/* One more line, if there is room; takes `text`. */
void svg_heading__add_line(struct svg_heading *h, char *text);
void svg_heading__free(struct svg_heading *h);
