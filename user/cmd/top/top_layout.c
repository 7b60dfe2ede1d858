#include "user/cmd/top/top_layout.h"
#include "user/util/alloc.h"
#include <stdio.h>
#include <string.h>

/* Numbers appear as there is room for them; the function always does. */
static const int least_columns[TOP_COLUMNS] = {
	[TOP_OWN_NOW] = 0, [TOP_TOTAL_NOW] = 28, [TOP_OWN] = 44, [TOP_TOTAL] = 52, [TOP_GIL] = 60,
};

/* Takes `width` columns from x on. */
static void put(struct top_layout *l, enum top_cell cell, enum top_column column, const char *title, int x, int width)
{
	l->cells[l->cell_cnt] = (struct top_layout_cell){.cell = cell, .column = column, .x = x, .width = width};
	snprintf(l->cells[l->cell_cnt++].title, sizeof(l->cells->title), "%s", title);
}

/* Gives where the texts begin. */
static int put_numbers(struct top_layout *l, int columns, const struct profile_value_type *type)
{
	int x = 0;

	for (enum top_column c = 0; c < TOP_NAME; c++) {
		__cleanup_free char *title = top_text_title(type, c);
		int len = (int)strlen(title), width = len > (int)top_columns[c].width ? len : (int)top_columns[c].width;

		if (columns < least_columns[c])
			continue;
		put(l, TOP_CELL_NUMBER, c, title, x, width);
		x += width + 1;
	}
	return x + 1;
}

/* Texts share the room that the numbers leave; a name that is cut says more than a file that is. */
static void put_texts(struct top_layout *l, int columns, int x, const struct top_lens *lens)
{
	static const char *const titles[TOP_GROUPS] = {"Function", "Process", "Thread", "Container"};
	bool of_code = lens->group == TOP_BY_FUNCTION;
	int left = columns - x;
	bool thread = of_code && lens->threads && left >= 36;
	bool by_thread = lens->group == TOP_BY_THREAD || (lens->threads && lens->group == TOP_BY_PROCESS);
	bool location = (of_code || by_thread) && left >= 32;
	int name = thread && location ? left * 2 / 5 : thread || location ? left * 11 / 20 : left;

	put(l, TOP_CELL_NAME, TOP_NAME, titles[by_thread ? TOP_BY_THREAD : lens->group], x, name);
	x += name + 2;
	if (thread) {
		int width = location ? left / 4 : columns - x;

		put(l, TOP_CELL_THREAD, TOP_NAME, "Thread", x, width);
		x += width + 2;
	}
	if (location)
		put(l, TOP_CELL_LOCATION, TOP_NAME, of_code ? "File:Line" : "Process", x, columns - x);
}

void top_layout__fit(struct top_layout *l, int lines, int columns, const struct top_lens *lens,
		     const struct profile_value_type *type)
{
	int y = 0;

	*l = (struct top_layout){.header_y = -1, .scope_y = -1, .foot_y = -1};
	if (lines >= 4)
		l->header_y = y++;
	if (lines >= 9)
		l->scope_y = y++;
	l->titles_y = y++;
	l->rows_y = y;
	if (lines >= 5)
		l->foot_y = lines - 1;
	l->rows = (l->foot_y >= 0 ? l->foot_y : lines) - y;
	if (l->rows < 1)
		l->rows = 1;
	put_texts(l, columns, put_numbers(l, columns, type), lens);
}
