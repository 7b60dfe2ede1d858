/* Where things are on a screen of a given size. Pure: drawing and clicks ask the same. */
#pragma once
#include "user/cmd/top/top_text.h"

enum top_cell { TOP_CELL_NUMBER, TOP_CELL_NAME, TOP_CELL_THREAD, TOP_CELL_PLACE };

struct top_layout {
	int header_y, what_y, foot_y; /* lines; -1: there is no room for it */
	int titles_y, rows_y, rows;
	struct {
		enum top_cell cell;
		enum top_column column; /* what a click sorts by */
		const char *title;
		int x, width;
	} cells[TOP_COLUMNS + 2];
	int cell_cnt;
};

void top_layout__fit(struct top_layout *l, int lines, int columns, const struct top_lens *lens);
