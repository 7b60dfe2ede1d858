/* SPDX-License-Identifier: MIT */
/* Two recordings as one flame graph: width is what B had (or A), colour what changed. */
#pragma once
#include "user/profile/diff.h"
#include <stdio.h>

struct svg_diff {
	const struct diff *diff;
	const struct view *view;
	const char *name_a, *name_b; /* of the files, for the heading */
	bool width_of_a;
};

/* 0 or -EIO. */
int svg_diff_write(const struct svg_diff *s, FILE *out);
