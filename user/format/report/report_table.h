/* SPDX-License-Identifier: MIT */
/* The tables of the report: columns that fit the terminal's width. */
#pragma once
#include "user/format/report.h"
#include "user/util/columns.h"

/* A row that is about a location in the code, by what it is called. */
struct report_row {
	const char *name, *location; /* function, file and line */
	const char *below;           /* a line of its own under the row; NULL: none */
	uint64_t own_value, total_value, gil_value;
};

/* Titles of the two texts of a table, in their order; `second` NULL: there is only a name. */
struct report_titles {
	const char *first, *second;
	bool location_first;
};

struct report_text {
	const struct report *r;
	FILE *out;
	const struct profile_value_type *type;
	uint64_t all_value, all_samples; /* what 100 % is */
	bool has_gil;                    /* it was recorded who held the GIL */
};

void report_heading(const struct report_text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A line that is cut at the last word before the terminal ends. */
void report_line(const struct report_text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A line whose last part is cut as `keep` says where the terminal ends: of a frame, a command. */
void report_item(const struct report_text *t, const char *before, const char *text, enum columns_keep keep);
/* Prose behind something, that goes on below itself where the terminal ends. */
void report_prose(const struct report_text *t, const char *before, const char *text);
/* The same behind a label: "samples    1,234 …". */
void report_fact(const struct report_text *t, const char *label, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* "… and 12 more", when `cnt` are more than are shown. */
void report_more(const struct report_text *t, size_t cnt);
/* own and total of each row, the share that held the GIL where there is room, then its texts. */
void report_rows(const struct report_text *t, const struct report_row *rows, size_t cnt,
		 const struct report_titles *titles);
/*
 * The widths of two texts beside `numbers` columns of a terminal (0: no limit): each as much as it needs, as given, or
 * else folders of locations go, which leaves them `files` columns, and then of names what they are in.
 */
void report_share_width(size_t width, size_t numbers, size_t files, size_t *name, size_t *location);
/* How many decimals values have: of seconds three only where there are few of them. */
int report_decimals(const struct report_text *t);
/* "own s", "own MiB", "own": what stands above a column of values. Caller frees. */
char *report_of_unit(const struct report_text *t, const char *what);
/* 12.3 for 12.3 %; of nothing it is 0. */
double report_percent(uint64_t part, uint64_t whole);
/* The same with how exact it is, as wide as the title "own %      ": " 42.3 ±1.0 ". `out` is what it is written to. */
#define REPORT_SHARE_BYTES 32
const char *report_share(uint64_t part, uint64_t whole, uint64_t samples, char out[REPORT_SHARE_BYTES]);
/* Of all there is. */
const char *report_share_of_all(const struct report_text *t, uint64_t part, char out[REPORT_SHARE_BYTES]);
