/* SPDX-License-Identifier: MIT */
/* A comparison in words: as text for a terminal, as Markdown for a pull request, as JSON for
 * scripts. */
#pragma once
#include "user/profile/diff_limit.h"
#include <stdio.h>

/* A threshold and what it found. */
struct diff_checked {
	struct diff_limit limit;
	struct limit_result *results;
	size_t cnt;
};

struct diff_report {
	const struct diff *diff;
	const char *name_a, *name_b; /* of the files */
	const struct diff_checked *checked;
	size_t checked_cnt;
	unsigned rows;  /* of each table */
	unsigned width; /* columns of the terminal; 0: as wide as it takes */
	bool colour;
};

/* 0 or -EIO. */
int diff_write_text(const struct diff_report *r, FILE *out);
int diff_write_markdown(const struct diff_report *r, FILE *out);
/* diff.schema.json */
int diff_write_json(const struct diff_report *r, FILE *out);
