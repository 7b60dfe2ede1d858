/* SPDX-License-Identifier: MIT */
/*
 * A profile as text for a terminal, or as JSON for scripts: what was recorded, what was hot, who
 * called it, what was lost. Sections are rows of a table in report.c.
 */
#pragma once
#include "user/profile/source_text.h"
#include <stdio.h>

struct report {
	const struct view *view; /* gil_only and full_filenames count here */
	unsigned rows;           /* of each table */
	unsigned width;          /* columns of the terminal; 0: as wide as it takes */
	bool colour;
	const char *by;             /* one of report_sections alone; NULL: the usual ones */
	const char *callers;        /* this function's callers and callees instead; NULL: no */
	struct source_text *source; /* of lines; NULL: none is shown */
};

/* "function, line, tree, …"; the caller frees. */
char *report_section_names(void);
bool report_has_section(const char *name);

/* -ENOENT when there is no function like `callers` (said, with those that look alike). */
int report_write(const struct profile *p, const struct report *r, FILE *out);
/* report.schema.json */
int report_write_json(const struct profile *p, const struct report *r, FILE *out);
