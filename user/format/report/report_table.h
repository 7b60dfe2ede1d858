/* The tables of the report: columns that fit the terminal's width. */
#pragma once
#include "user/format/report.h"

/* A row that is about a place in the code, by what it is called. */
struct report_row {
	const char *name, *place; /* function, file and line */
	const char *below;        /* a line of its own under the row; NULL: none */
	uint64_t own_ns, total_ns, gil_ns;
};

/* Titles of the two texts of a table, in their order; `second` NULL: there is only a name. */
struct report_titles {
	const char *first, *second;
	bool place_first;
};

struct report_text {
	const struct report *r;
	FILE *out;
	uint64_t all_ns; /* what 100 % is */
	bool has_gil;    /* it was recorded who held the GIL */
};

void report_heading(const struct report_text *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* A line that is cut where the terminal ends. */
void report_line(const struct report_text *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* "… and 12 more", when `cnt` are more than are shown. */
void report_more(const struct report_text *t, size_t cnt);
/* own and total of each row, the share that held the GIL where there is room, then its texts. */
void report_rows(const struct report_text *t, const struct report_row *rows, size_t cnt,
		 const struct report_titles *titles);
/*
 * What two texts may take beside `numbers` columns of a terminal (0: no limit): each what it needs, as
 * given, or else the name gets three fifths.
 */
void report_share_width(size_t width, size_t numbers, size_t *name, size_t *place);
/* How many decimals seconds have: milliseconds only where there are few seconds. */
int report_decimals(const struct report_text *t);
/* 12.3 for 12.3 %; of nothing it is 0. */
double report_percent(uint64_t part, uint64_t whole);
