/* An SVG as a whole, around the frames of one recording or of two compared. */
#pragma once
#include "user/format/svg/svg_heading.h"
#include <stdio.h>

#define SVG_LINE_PX 16

void svg_page_write(const struct svg_layout *l, const struct svg_heading *h, const struct view *v,
		    FILE *out);

/* Parts of a picture without frames: everything up to its title, then lines of text. */
void svg_page_open(const struct svg_heading *h, double height, FILE *out);
/* The lines of a heading from `y` on; returns where the next one would be. */
double svg_page_lines(const struct svg_heading *h, const char *class, double y, FILE *out);
