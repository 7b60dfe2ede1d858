/* SPDX-License-Identifier: MIT */
/* The words of `top`: what rows and the header are called. Pure; texts are the caller's to free. */
#pragma once
#include "user/cmd/top/top_rows.h"

/* A column's name on the command line, in the header and in the help: the value over which time, of what. */
struct top_column_info {
	const char *option, *title, *when, *of; /* `when` NULL: it is no value */
	unsigned width;
};
extern const struct top_column_info top_columns[TOP_COLUMNS];

/* "Worker.run"; "process 42:…" and "thread (43): name" with groups of those. */
char *top_text_name(const struct profile *p, const struct top_lens *l, const struct top_row *row);
/* What stands before the name of a process that is below another one: "  └ ". */
char *top_text_indent(const struct top_row *row);
/* "worker.py:12": the function's first line, or the line; "" where there is none. */
char *top_text_location(const struct profile *p, const struct top_lens *l, const struct top_row *row, bool full);
/* "42 MainThread": whose row it is where rows are split by thread; "" elsewhere. */
char *top_text_thread(const struct profile *p, const struct top_row *row);
/* All of it, for the filter. */
char *top_text_match(const struct profile *p, const struct top_lens *l, const struct top_row *row);

/* "1.35 CPUs busy in 4 Python processes, 12 threads · GIL 87% · 99.8% of samples walked · 0 lost, 0 failed", or less. */
char *top_text_header(const struct profile_value_type *t, const struct top_header *h, size_t width);
/* why_line() with as many names as fit. */
char *top_text_why(const struct why *w, size_t width);
/* The whole that percentages are of: "one CPU", "all CPU time", "all page faults". */
char *top_text_whole(const struct profile_value_type *t, bool of_all);
/* "± 28 at most, of 12 samples": how exact the percentages are; "" where there are no samples. */
char *top_text_error(const struct top_model *m, bool of_all);
/* Why a table is empty when nothing was lost. */
char *top_text_empty(const struct profile_value_type *t, bool ended);

/* "%Own", "Own MiB" */
char *top_text_title(const struct profile_value_type *t, enum top_column c);
/* The number in a row's column. */
void top_text_number(const struct top_model *m, const struct top_row *row, enum top_column c, bool of_all,
		     char out[16]);
/* "135", "9.72", "0.05"; always 6 columns at most. */
void top_text_percent(double percent, char out[16]);
/* Since the start: "0.12", "123.4", hours where seconds are many, "12.3k" of other units. */
void top_text_amount(const struct profile_value_type *t, uint64_t value, char out[16]);
