/* The tables of the report: columns that fit the terminal's width. */
#pragma once
#include "user/format/report.h"

/* A row that is about a place in the code, by what it is called. */
struct report_row {
	const char *name, *place; /* function, file and line */
	uint64_t own_ns, total_ns, samples;
};

struct report_text {
	const struct report *r;
	FILE *out;
	uint64_t all_ns; /* what 100 % is */
};

void report_heading(const struct report_text *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* A line that is cut where the terminal ends. */
void report_line(const struct report_text *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* own and total of each row, then its two texts; `place_first` puts the place before the name. */
void report_rows(const struct report_text *t, const struct report_row *rows, size_t cnt,
		 bool place_first);
/* How many decimals seconds have: milliseconds only where there are few seconds. */
int report_decimals(const struct report_text *t);
/* 12.3 for 12.3 %; of nothing it is 0. */
double report_percent(uint64_t part, uint64_t whole);
