/* What the text and the Markdown of a comparison share: which rows, in which words. */
#pragma once
#include "user/format/diff/diff_report.h"

/* One of the two tables: own time, or total time. */
struct diff_table {
	const char *title; /* "Own time" */
	const struct diff_row *const
		*rows; /* findings first, then those that may be, then the largest within chance */
	size_t cnt;    /* to be shown */
	size_t found_cnt, within_cnt; /* of all */
	bool total;
};

/* `table->rows` is the caller's to free. */
void diff_table__fill(struct diff_table *table, const struct diff_report *r, bool total);
const struct chance_change *diff_change_of(const struct diff_table *t, const struct diff_row *row);

/* "more", "less", "new", "gone"; "more?" and "less?" beyond their ± alone; "≈" */
const char *diff_verdict(const struct diff_table *t, const struct diff_row *row);
/* A share in percent or seconds, and the change with its sign; the caller frees. */
char *diff_amount(const struct diff *d, double value);
char *diff_signed(const struct diff *d, double value);
/* "+24%", "new"; the caller frees. */
char *diff_ratio_text(const struct chance_change *c);

/* "pid 42, 1,016 samples, 1.99 CPU seconds, no samples lost"; the caller frees. */
char *diff_run_text(const struct diff *d, const struct profile *p);
/* What makes the two runs hard to compare, a sentence each; NULL ends them; the caller frees each.
 */
char *diff_warning(const struct diff *d, unsigned n);
/* What ± and the verdicts mean: lines, NULL ends them. */
extern const char *const diff_meaning[];
extern const char *const diff_key_names[GROUPS_KEYS];

/* "crossed", "chance", "kept" */
extern const char *const diff_verdicts[];
/* "own(f) > +10%: f (x.py) 1.20 % → 1.40 %, +16.7 % (± 50.0 %)"; the caller frees. */
char *diff_result_text(const struct diff *d, const struct diff_limit *l,
		       const struct limit_result *r);
