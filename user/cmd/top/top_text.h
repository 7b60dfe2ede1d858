/* The words of `top`: what rows and the header are called. Pure; texts are the caller's to free. */
#pragma once
#include "user/cmd/top/top_rows.h"

/* A column's name on the command line, in the header and in the help. */
struct top_column_info {
	const char *option, *title, *help;
	unsigned width;
};
extern const struct top_column_info top_columns[TOP_COLUMNS];

/* "Worker.run"; "process 42:…" and "thread (43): name" with groups of those. */
char *top_text_name(const struct profile *p, const struct top_lens *l, const struct top_row *row);
/* "worker.py:12": the function's first line, or the line; "" where there is none. */
char *top_text_place(const struct profile *p, const struct top_lens *l, const struct top_row *row, bool full);
/* "42 MainThread": whose row it is where rows are split by thread; "" elsewhere. */
char *top_text_thread(const struct profile *p, const struct top_row *row);
/* All of it, for the filter. */
char *top_text_match(const struct profile *p, const struct top_lens *l, const struct top_row *row);

/* "1.35 CPUs busy in 4 Python processes, 12 threads · GIL 87% · 99.8% of samples walked · 0 lost", or less. */
char *top_text_header(const struct top_header *h, size_t width);
/* A share of one CPU, or of what the table is of: "135", "9.72", "0.05"; always 6 columns at most. */
void top_text_percent(double percent, char out[16]);
/* Seconds since the start: "0.12", "123.4", "12345"; minutes and hours where they are many. */
void top_text_seconds(uint64_t ns, char out[16]);
