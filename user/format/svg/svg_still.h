/* SPDX-License-Identifier: MIT */
/* The picture itself, for viewers without a script: every frame that is wide enough to see, as SVG.
 */
#pragma once
#include "user/format/svg/svg_layout.h"
#include <stdio.h>

#define SVG_WIDTH  1200 /* of the still picture; scripts follow the window */
#define SVG_MARGIN 12
#define SVG_ROW    18   /* as in flame_pane.js */
#define SVG_CHAR   6.65 /* px of a letter at 11px; no common monospaced font is wider */

/* Draws the frames with their upper edge at `top`; their height is row_cnt × SVG_ROW. */
void svg_still_write(const struct svg_layout *l, double top, bool icicle, FILE *out);
