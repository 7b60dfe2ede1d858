/* SPDX-License-Identifier: MIT */
#include "user/cmd/top/top_layout.h"
#include "user/util/alloc.h"
#include <stdio.h>
#include <string.h>

#define LEAST_TEXT 9 /* that titles take */

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

/* What one does not need goes to another that lacks it. */
static void give(int *to, int need, int *from, int least)
{
	int lacks = need - *to, has = *from - least, moved = lacks < has ? lacks : has;

	if (moved <= 0)
		return;
	*to += moved;
	*from -= moved;
}

struct texts {
	int name, thread, location;
};

/* Of a column that is not there it is nothing. */
static int at_least_title(int width, int need)
{
	return !width ? 0 : need > LEAST_TEXT ? need : LEAST_TEXT;
}

/* Columns stay where they are as long as nothing would be cut. */
static void share(struct texts *w, const struct top_needs *needs)
{
	const int location = at_least_title(w->location, needs->location);
	const int file = at_least_title(w->location, needs->file);
	const int thread = at_least_title(w->thread, needs->thread);
	const int name = at_least_title(w->name, needs->name);
	const int function = at_least_title(w->name, needs->function);

	give(&w->location, file, &w->thread, thread);
	give(&w->name, function, &w->thread, thread);
	give(&w->name, function, &w->location, file);
	give(&w->location, file, &w->name, function);
	give(&w->name, name, &w->location, location);
	give(&w->name, name, &w->thread, thread);
	give(&w->location, location, &w->thread, thread);
	give(&w->location, location, &w->name, name);
	give(&w->thread, thread, &w->name, name);
	give(&w->thread, thread, &w->location, location);
	give(&w->name, name, &w->location, file); /* folders say less than what a function is in */
}

/* Texts share the room that the numbers leave; a name that is cut says more than a file that is. */
static void put_texts(struct top_layout *l, int columns, int x, const struct top_lens *lens,
		      const struct top_needs *needs)
{
	static const char *const titles[TOP_GROUPS] = {"Function", "Process", "Process", "Thread", "Container"};
	bool of_code = lens->group == TOP_BY_FUNCTION;
	int left = columns - x;
	bool thread = of_code && lens->threads && left >= 36;
	bool by_thread = lens->group == TOP_BY_THREAD || (lens->threads && lens->group == TOP_BY_PROCESS);
	bool location = (of_code || by_thread) && left >= 32;
	struct texts w = {.name = thread && location ? left * 2 / 5 : thread || location ? left * 11 / 20 : left};

	if (thread)
		w.thread = location ? left / 4 : left - w.name - 2;
	if (location)
		w.location = left - w.name - 2 - (thread ? w.thread + 2 : 0);
	if (needs)
		share(&w, needs);
	put(l, TOP_CELL_NAME, TOP_NAME, titles[by_thread ? TOP_BY_THREAD : lens->group], x, w.name);
	x += w.name + 2;
	if (thread) {
		put(l, TOP_CELL_THREAD, TOP_NAME, "Thread", x, w.thread);
		x += w.thread + 2;
	}
	if (location)
		put(l, TOP_CELL_LOCATION, TOP_NAME, of_code ? "File:Line" : "Process", x, w.location);
}

void top_layout__fit(struct top_layout *l, int lines, int columns, const struct top_lens *lens,
		     const struct profile_value_type *type, const struct top_needs *needs)
{
	int y = 0;

	*l = (struct top_layout){.header_y = -1, .why_y = -1, .scope_y = -1, .foot_y = -1};
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
	put_texts(l, columns, put_numbers(l, columns, type), lens, needs);
}

void top_layout__add_why(struct top_layout *l)
{
	if (l->scope_y < 0 || l->rows < 6)
		return;
	l->why_y = l->scope_y++;
	l->titles_y++;
	l->rows_y++;
	l->rows--;
}
