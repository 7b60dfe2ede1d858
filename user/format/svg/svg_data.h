/* What the script of an SVG works with: the whole layout as compact JSON. */
#pragma once
#include "user/format/svg/svg_heading.h"
#include <stdio.h>

void svg_data_write(const struct svg_layout *l, const struct svg_heading *h, const struct view *v,
		    FILE *out);
