#include "user/cmd/top/top_layout.h"
#include <stddef.h>

/* Numbers appear as there is room for them; the function always is there. */
static const int least_columns[TOP_COLUMNS] = {
	[TOP_OWN_NOW] = 0, [TOP_TOTAL_NOW] = 28, [TOP_OWN] = 44, [TOP_TOTAL] = 52, [TOP_GIL] = 60,
};

static void put(struct top_layout *l, enum top_cell cell, enum top_column column, int width)
{
	int n = l->cell_cnt, x = n ? l->cells[n - 1].x + l->cells[n - 1].width + (cell ? 2 : 1) : 0;

	l->cells[n].cell = cell;
	l->cells[n].column = column;
	l->cells[n].title = top_columns[column].title;
	l->cells[n].x = x;
	l->cells[n].width = width;
	l->cell_cnt++;
}

/* Texts share what the numbers leave; a name that is cut says more than a file that is. */
static void fit_texts(struct top_layout *l, int columns, const struct top_lens *lens)
{
	static const char *const titles[TOP_GROUPS] = {"Function", "Process", "Thread"};
	bool of_code = lens->group == TOP_BY_FUNCTION, thread = of_code && lens->threads;
	bool place = of_code || lens->threads || lens->group == TOP_BY_THREAD;
	int last = l->cell_cnt - 1, left = columns - (l->cells[last].x + l->cells[last].width) - 2;

	thread = thread && left >= 36;
	place = place && left >= 32;
	put(l, TOP_CELL_NAME, TOP_NAME, left);
	l->cells[last + 1].title = lens->threads && !of_code ? titles[TOP_BY_THREAD] : titles[lens->group];
	if (!thread && !place)
		return;
	l->cells[last + 1].width = thread && place ? left * 2 / 5 : left * 11 / 20;
	if (thread) {
		put(l, TOP_CELL_THREAD, TOP_NAME, place ? left / 4 : columns - l->cells[last + 1].x);
		l->cells[last + 2].title = "Thread";
	}
	if (place) {
		put(l, TOP_CELL_PLACE, TOP_NAME, 0);
		l->cells[l->cell_cnt - 1].title = of_code ? "File:Line" : "Process";
	}
	l->cells[l->cell_cnt - 1].width = columns - l->cells[l->cell_cnt - 1].x;
}

void top_layout__fit(struct top_layout *l, int lines, int columns, const struct top_lens *lens)
{
	int y = 0;

	*l = (struct top_layout){.header_y = -1, .what_y = -1, .foot_y = -1};
	if (lines >= 4)
		l->header_y = y++;
	if (lines >= 9)
		l->what_y = y++;
	l->titles_y = y++;
	l->rows_y = y;
	if (lines >= 5)
		l->foot_y = lines - 1;
	l->rows = (l->foot_y >= 0 ? l->foot_y : lines) - y;
	if (l->rows < 1)
		l->rows = 1;
	for (enum top_column c = 0; c < TOP_NAME; c++)
		if (columns >= least_columns[c])
			put(l, TOP_CELL_NUMBER, c, (int)top_columns[c].width);
	fit_texts(l, columns, lens);
}
