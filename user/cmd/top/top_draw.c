/* SPDX-License-Identifier: MIT */
/*
 * Every cell is drawn at its own column and in its own width, so that a name that the terminal takes to be of another
 * width moves nothing else. Texts are clean already: nothing here can act on the terminal.
 */
#include "user/cmd/top/top_draw.h"
#include "user/cmd/top/top_help.h"
#include "user/cmd/top/top_layout.h"
#include "user/cmd/top/top_terminal.h"
#include "user/cmd/top/top_text.h"
#include "user/profile/loss_words.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/columns.h"
#include "user/util/units.h"
#include <curses.h>
#include <string.h>

#define LOSS_ALARM 0.99 /* less than this walked is shown in red */

/* For locales that have only ASCII: our own signs by the nearest there is, other characters by "?". */
static char *in_ascii(const char *text)
{
	static const struct {
		const char *sign, *instead;
	} signs[] = {{"·", "-"}, {"…", "~"}, {"↑", "^"}, {"↓", "v"}, {"●", "*"}, {"└", "`"}};
	struct buf out = {0};

	while (*text) {
		const char *instead = NULL;
		size_t len = 1;

		for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
			if (!strncmp(text, signs[i].sign, strlen(signs[i].sign)))
				instead = signs[i].instead;
		while (((unsigned char)text[len] & 0xc0) == 0x80)
			len++;
		if (len == 1) {
			buf_put(&out, text, 1);
		} else {
			__cleanup_free char *one = xstrndup(text, len);

			for (size_t n = columns_of(one); n; n--)
				buf_puts(&out, instead ? instead : "?");
		}
		text += len;
	}
	return buf_steal_text(&out);
}

struct at {
	int y, x, width;
};

static void put(struct at at, attr_t attr, const char *text, enum columns_keep keep)
{
	__cleanup_free char *fitted = NULL;
	__cleanup_free char *ascii = NULL;

	if (at.width <= 0 || at.y < 0)
		return;
	fitted = columns_fit(text, (size_t)at.width, keep);
	if (!top_terminal_utf8())
		ascii = in_ascii(fitted);
	attrset(attr);
	mvaddstr(at.y, at.x, ascii ? ascii : fitted);
	attrset(A_NORMAL);
}

static char *strrstr(char *text, const char *what)
{
	char *last = NULL;

	for (char *c = text; (c = strstr(c, what)); c++)
		last = c;
	return last;
}

static void put_line(int y, attr_t attr, const char *text)
{
	put((struct at){y, 0, COLS}, attr, text, COLUMNS_KEEP_WORDS);
}

/* Of "one · two · three" as many as there is room for. */
static void put_parts(int y, attr_t attr, const char *text)
{
	__cleanup_free char *fits = xstrdup(text);

	for (char *last; columns_of(fits) > (size_t)COLS && (last = strrstr(fits, " · "));)
		*last = 0;
	put_line(y, attr, fits);
}

/* ---- above the table --------------------------------------------------------------------------------- */

/* "pid 42 · paused · 12.3 s": the target, the state, how long it has been counted. */
static char *state_text(const struct top_ui *ui)
{
	const struct top_header *h = top_model__header(ui->source->model);
	const char *target = top_model__profile(ui->source->model)->meta.target;
	__cleanup_free char *took = units_duration_text(h->elapsed_ns);
	const char *state = ui->source->profile ? "file · "
			    : ui->paused        ? "paused · "
			    : ui->source->ended ? "ended · "
						: "";

	/* long ones are paths of cgroups; the help has them */
	if (!*target || (int)columns_of(target) > COLS / 6)
		return xasprintf("%s%s", state, took);
	return xasprintf("%s · %s%s", target, state, took);
}

static void draw_header(const struct top_ui *ui, const struct top_layout *l)
{
	const struct top_header *h = top_model__header(ui->source->model);
	__cleanup_free char *state = state_text(ui);
	int room = COLS - (int)columns_of(state) - 2;
	bool wide = room >= 30;
	__cleanup_free char *text =
		top_text_header(top_model__type(ui->source->model), h, (size_t)(wide ? room : COLS));
	attr_t alarm = h->walked < LOSS_ALARM ? top_terminal_colour(TOP_ALARM) : 0;
	attr_t notice = ui->paused || (ui->source->ended && !ui->source->profile) ? A_REVERSE : 0;

	if (wide) {
		put((struct at){l->header_y, 0, room}, A_BOLD | alarm, text, COLUMNS_KEEP_START);
		put((struct at){l->header_y, room + 2, COLS - room - 2}, notice, state, COLUMNS_KEEP_START);
	} else {
		put_line(l->header_y, A_BOLD | alarm | notice, text);
	}
}

static void draw_why(const struct top_ui *ui, const struct top_layout *l)
{
	__cleanup_free char *text = NULL;
	struct why w;

	if (l->why_y < 0 || !top_model__why(ui->source->model, &w))
		return;
	text = top_text_why(&w, (size_t)COLS);
	put_parts(l->why_y, 0, text);
	why_free(&w);
}

static void draw_titles(const struct top_ui *ui, const struct top_layout *l)
{
	put_line(l->titles_y, A_REVERSE, "");
	for (int i = 0; i < l->cell_cnt; i++) {
		bool sorted = l->cells[i].column == ui->order.column && l->cells[i].cell < TOP_CELL_THREAD;
		int width = l->cells[i].width, len = (int)strlen(l->cells[i].title);
		__cleanup_free char *text = l->cells[i].cell == TOP_CELL_NUMBER && len < width
						    ? xasprintf("%*s", width, l->cells[i].title)
						    : xstrdup(l->cells[i].title);

		put((struct at){l->titles_y, l->cells[i].x, width}, A_REVERSE | (sorted ? A_BOLD | A_UNDERLINE : 0),
		    text, COLUMNS_KEEP_START);
	}
}

/* ---- rows -------------------------------------------------------------------------------------------- */

/* What stands before a name and is never cut. */
static char *mark_text(const struct top_ui *ui, const struct top_row *row)
{
	static const char *const roles[] = {[TOP_CALLER] = "↑ ", [TOP_PLAIN] = "● ", [TOP_CALLEE] = "↓ "};

	return ui->lens.focus ? xstrdup(roles[row->role]) : top_text_indent(row);
}

static char *cell_text(const struct top_ui *ui, const struct top_row *row, enum top_cell cell)
{
	const struct profile *p = top_model__profile(ui->source->model);

	if (cell == TOP_CELL_THREAD)
		return top_text_thread(p, row);
	if (cell == TOP_CELL_LOCATION)
		return top_text_location(p, &ui->lens, row, ui->full_filenames);
	return top_source__name(ui->source, &ui->lens, row);
}

static enum columns_keep cell_keeps(const struct top_ui *ui, enum top_cell cell)
{
	if (cell == TOP_CELL_THREAD)
		return COLUMNS_KEEP_NAME;
	if (ui->lens.group != TOP_BY_FUNCTION)
		return COLUMNS_KEEP_COMMAND;
	return cell == TOP_CELL_NAME ? COLUMNS_KEEP_NAME : COLUMNS_KEEP_PATH;
}

static attr_t name_colour(const struct top_ui *ui, const struct top_row *row)
{
	static const enum top_colour colours[VIEW_CLASSES] = {
		[VIEW_USER] = TOP_USER,           [VIEW_STDLIB] = TOP_STDLIB,  [VIEW_SITE] = TOP_SITE,
		[VIEW_NATIVE] = TOP_NATIVE,       [VIEW_INLINED] = TOP_NATIVE, [VIEW_KERNEL] = TOP_KERNEL,
		[VIEW_SYNTHETIC] = TOP_SYNTHETIC, [VIEW_WAIT] = TOP_SYNTHETIC, [VIEW_COLLECTOR] = TOP_SYNTHETIC,
	};
	const struct profile *p = top_model__profile(ui->source->model);

	if (ui->lens.group != TOP_BY_FUNCTION)
		return 0;
	return top_terminal_colour(colours[view__class(&p->functions[p->frames[row->frame].function])]);
}

static void need(int *most, size_t columns)
{
	if ((int)columns > *most)
		*most = (int)columns;
}

/* As the rows that are on the screen need it. */
static void fit(const struct top_ui *ui, struct top_layout *l)
{
	const struct profile *p = top_model__profile(ui->source->model);
	struct top_needs needs = {0};

	top_layout__fit(l, LINES, COLS, &ui->lens, top_model__type(ui->source->model), NULL);
	for (size_t i = ui->first; i < ui->cnt && i < ui->first + (size_t)l->rows; i++) {
		const struct top_row *row = ui->shown[i];
		__cleanup_free char *mark = mark_text(ui, row), *name = cell_text(ui, row, TOP_CELL_NAME);
		__cleanup_free char *thread = top_text_thread(p, row);
		__cleanup_free char *location = cell_text(ui, row, TOP_CELL_LOCATION);

		need(&needs.name, columns_of(mark) + columns_of(name));
		need(&needs.function, columns_of(mark) + columns_of_function(name));
		need(&needs.thread, columns_of(thread));
		need(&needs.location, columns_of(location));
		if (*location != '<') /* "<frozen importlib…>" is no file */
			need(&needs.file, columns_of_file(location));
	}
	top_layout__fit(l, LINES, COLS, &ui->lens, top_model__type(ui->source->model), &needs);
	if (view__has_wall(p))
		top_layout__add_why(l);
}

static void put_text(const struct top_ui *ui, const struct top_row *row, enum top_cell cell, struct at at, attr_t attr)
{
	__cleanup_free char *mark = cell == TOP_CELL_NAME ? mark_text(ui, row) : xstrdup("");
	__cleanup_free char *text = cell_text(ui, row, cell);
	int indent = (int)columns_of(mark);
	const char *shown = text;

	if (indent > at.width / 2)
		indent = at.width / 2;
	put((struct at){at.y, at.x, indent}, attr, mark, COLUMNS_KEEP_END);
	/* "4711 MainThread": its name says more than its number */
	if (cell == TOP_CELL_THREAD && (int)columns_of(text) > at.width && strchr(text, ' '))
		shown = strchr(text, ' ') + 1;
	put((struct at){at.y, at.x + indent, at.width - indent}, attr, shown, cell_keeps(ui, cell));
}

static void draw_row(const struct top_ui *ui, const struct top_layout *l, size_t index)
{
	const struct top_row *row = ui->shown[index];
	int y = l->rows_y + (int)(index - ui->first);
	bool chosen = index == ui->at;
	attr_t attr = chosen ? A_REVERSE : 0;
	/* dim: it had nothing lately */
	attr_t number = chosen ? attr : row->total.recent > 0 ? top_terminal_colour(TOP_NUMBER) : A_DIM;

	put_line(y, attr, "");
	for (int i = 0; i < l->cell_cnt; i++) {
		enum top_cell cell = l->cells[i].cell;
		struct at at = {y, l->cells[i].x, l->cells[i].width};

		if (cell == TOP_CELL_NUMBER) {
			__cleanup_free char *text = NULL;
			char digits[16];

			top_text_number(ui->source->model, row, l->cells[i].column, ui->of_all, digits);
			text = xasprintf("%*s", at.width, digits);
			put(at, number, text, COLUMNS_KEEP_START);
		} else {
			put_text(ui, row, cell, at, cell == TOP_CELL_NAME && !chosen ? name_colour(ui, row) : attr);
		}
	}
}

/* Why the table is empty. */
static char *empty_text(const struct top_ui *ui)
{
	const struct top_header *h = top_model__header(ui->source->model);
	__cleanup_free char *losses = NULL;

	if (h->samples && top_rows__filter_text(ui->rows))
		return xstrdup("Nothing matches. Esc removes the filter.");
	if (h->lost + h->failed && !h->samples) {
		losses = loss_text(top_model__profile(ui->source->model));
		return xasprintf("No stack could be read: %s", losses);
	}
	return top_text_empty(top_model__type(ui->source->model), ui->source->ended);
}

static void draw_table(struct top_ui *ui, const struct top_layout *l)
{
	draw_titles(ui, l);
	for (size_t i = ui->first; i < ui->cnt && i < ui->first + (size_t)l->rows; i++)
		draw_row(ui, l, i);
	if (!ui->cnt) {
		__cleanup_free char *why = empty_text(ui);

		put_line(l->rows_y, A_DIM, why);
	}
}

/* ---- below it, and help ------------------------------------------------------------------------------ */

/* Of a text that is too long its end is shown, where one types. */
static void draw_prompt(const struct top_ui *ui, int y)
{
	__cleanup_free char *line = xasprintf("%s%s", ui->prompt.question, ui->prompt.text);
	int x = (int)columns_of(line), question = (int)columns_of(ui->prompt.question);

	put((struct at){y, 0, COLS}, A_BOLD, line, x < COLS ? COLUMNS_KEEP_START : COLUMNS_KEEP_END);
	if (ui->prompt.suggested && x < COLS)
		put((struct at){y, question, x - question}, A_REVERSE, ui->prompt.text, COLUMNS_KEEP_START);
	curs_set(1);
	move(y, x < COLS ? x : COLS - 1);
}

/* The more needed first: a narrow screen cuts the end. */
static const char *hints(const struct top_ui *ui)
{
	if (ui->help)
		return "arrows scroll · any other key: back";
	if (ui->trail_cnt)
		return "Esc back · q quit · ? help · Enter callers · s sort · t threads · l lines · p pause · w write";
	return "q quit · ? help · / filter · Enter callers · s sort · t threads · P group · l lines · p pause · r "
	       "reset · w write";
}

static void draw_foot(const struct top_ui *ui, const struct top_layout *l)
{
	int y = l->foot_y >= 0 ? l->foot_y : LINES - 1;
	__cleanup_free char *error = top_text_error(ui->source->model, ui->of_all);
	__cleanup_free char *foot =
		xasprintf("%s%s%s", ui->help ? "" : error, ui->help || !*error ? "" : " · ", hints(ui));

	curs_set(0);
	if (ui->prompt.question)
		draw_prompt(ui, y);
	else if (ui->message)
		put_line(y, ui->alarm ? A_BOLD | top_terminal_colour(TOP_ALARM) : A_BOLD, ui->message);
	else if (l->foot_y >= 0)
		put_parts(y, A_DIM, foot);
}

static void draw_help(struct top_ui *ui, const struct top_layout *l)
{
	__cleanup_free char *text = top_help_text(ui, (size_t)COLS);
	size_t n = 0, lines = 1, page = (size_t)(l->foot_y >= 0 ? l->foot_y : LINES);
	char *line = text;

	for (const char *c = text; *c; c++)
		lines += *c == '\n';
	if (ui->help_first + page > lines)
		ui->help_first = lines > page ? lines - page : 0;
	for (char *next; line; line = next, n++) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		if (n >= ui->help_first && n < ui->help_first + page)
			put_line((int)(n - ui->help_first), n ? 0 : A_BOLD, line);
	}
}

void top_draw(struct top_ui *ui)
{
	__cleanup_free char *scope = NULL;
	struct top_layout l;

	fit(ui, &l);
	if (ui->page != (size_t)l.rows) {
		ui->page = (size_t)l.rows;
		top_ui__rearrange(ui);
		fit(ui, &l);
	}
	erase();
	if (ui->help) {
		draw_help(ui, &l);
	} else {
		scope = top_ui__describe(ui);
		if (l.header_y >= 0)
			draw_header(ui, &l);
		draw_why(ui, &l);
		put_parts(l.scope_y, 0, scope);
		draw_table(ui, &l);
	}
	draw_foot(ui, &l);
	refresh();
	ui->changed = false;
}

struct top_at top_draw_at(const struct top_ui *ui, int y, int x)
{
	struct top_layout l;
	size_t row;

	fit(ui, &l);
	row = ui->first + (size_t)(y - l.rows_y);
	if (y >= l.rows_y && y < l.rows_y + l.rows && row < ui->cnt)
		return (struct top_at){.hit = TOP_HIT_ROW, .row = row};
	for (int i = l.cell_cnt; y == l.titles_y && i--;)
		if (x >= l.cells[i].x - 1 || !i)
			return (struct top_at){.hit = TOP_HIT_COLUMN, .column = l.cells[i].column};
	return (struct top_at){.hit = TOP_HIT_NOTHING};
}
