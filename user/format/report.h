/* A profile as text for a terminal: what was recorded, what was hot, what was lost. */
#pragma once
#include "user/profile/view.h"
#include <stdio.h>

struct report {
	const struct view *view; /* gil_only and full_filenames count here */
	unsigned rows;           /* of each table */
	unsigned width;          /* columns of the terminal; 0: as wide as it takes */
	bool colour;
};

void report_write(const struct profile *p, const struct report *r, FILE *out);
/* The table of hot functions alone, for the end of a recording. */
void report_write_hot(const struct profile *p, const struct report *r, FILE *out);
