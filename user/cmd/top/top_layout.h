/* SPDX-License-Identifier: MIT */
/* The positions of things on a screen of a given size; drawing and clicks use the same. Pure. */
#pragma once
#include "user/cmd/top/top_text.h"

enum top_cell { TOP_CELL_NUMBER, TOP_CELL_NAME, TOP_CELL_THREAD, TOP_CELL_LOCATION };

struct top_layout_cell {
	enum top_cell cell;
	enum top_column column; /* what a click sorts by */
	char title[24];
	int x, width;
};

struct top_layout {
	int header_y, why_y, scope_y, foot_y; /* lines; -1: there is no room for it, or nothing to say */
	int titles_y, rows_y, rows;
	struct top_layout_cell cells[TOP_COLUMNS + 2];
	int cell_cnt;
};

/* What the texts on the screen would take; of names and locations also the least that says which function and file. */
struct top_needs {
	int name, function, thread, location, file;
};

/* Takes a line of the table for what is said of waiting, where there is room. */
void top_layout__add_why(struct top_layout *l);
/* `needs` NULL: nothing is known of them. */
void top_layout__fit(struct top_layout *l, int lines, int columns, const struct top_lens *lens,
		     const struct profile_value_type *type, const struct top_needs *needs);
