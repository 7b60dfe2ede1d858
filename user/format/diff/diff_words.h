/* SPDX-License-Identifier: MIT */
/* The rows and words that the text and the Markdown of a comparison share. */
#pragma once
#include "user/format/diff/diff_report.h"

/* One of the two tables: own time, or total time. */
struct diff_table {
	char title[80];                     /* "Own time", "Own memory allocated" */
	const struct diff_row *const *rows; /* findings first, then those that may be, then the largest within chance */
	size_t cnt;                         /* to be shown */
	size_t found_cnt, within_cnt;       /* of all */
	bool total;
};

/* `table->rows` is the caller's to free. */
void diff_table__fill(struct diff_table *table, const struct diff_report *r, bool total);
const struct chance_change *diff_change_of(const struct diff_table *t, const struct diff_row *row);

/* "more", "less", "new", "gone"; "more?" and "less?" beyond their ± alone; "≈" */
const char *diff_verdict(const struct diff_table *t, const struct diff_row *row);
/* Of the numbers below: "%", or "s", "MiB", "" where amounts are compared as they are. */
const char *diff_unit(const struct diff *d);
/* "1.20", "1.49", "+0.29", "0.05", "+24%" or "new" */
struct diff_numbers {
	char from[32], to[32], by[32], error[32], ratio[32];
};
void diff_numbers__fill(struct diff_numbers *n, const struct diff *d, const struct chance_change *c);

/* "pid 42, 1,016 samples, 1.99 CPU seconds, no samples lost or failed"; the caller frees. */
char *diff_run_text(const struct diff *d, const struct profile *p);
/* Why the two runs are hard to compare, a sentence each, which the caller frees; how many. */
#define DIFF_WARNINGS 3
size_t diff_warnings(const struct diff *d, char *out[DIFF_WARNINGS]);
/* The explanation of ± and the verdicts: lines, NULL ends them. */
extern const char *const diff_meaning[];
extern const char *const diff_key_names[GROUPS_KEYS];

/* "crossed", "chance", "kept" */
extern const char *const diff_verdicts[];
/* "own(f) > +10%: f (x.py) 1.20 % → 1.40 %, +16.7 % (± 50.0 %)"; the caller frees. */
char *diff_result_text(const struct diff *d, const struct diff_limit *l, const struct limit_result *r);
