/* SPDX-License-Identifier: MIT */
/* An SVG as a whole: of one recording or of two compared; without frames the heading alone. */
#pragma once
#include "user/format/svg/svg_heading.h"
#include <stdio.h>

void svg_page_write(const struct svg_layout *l, const struct svg_heading *h, const struct view *v, FILE *out);
