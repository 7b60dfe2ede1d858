/* SPDX-License-Identifier: MIT */
#include "user/cmd/top/top_mouse.h"
#include "user/cmd/top/top_draw.h"
#include <stdio.h>

#define WHEEL_ROWS 3
#define REST_MS    50 /* for the rest of an event that came in pieces */
#define REST_MAX   24

enum button { BUTTON_NONE, BUTTON_LEFT, WHEEL_UP, WHEEL_DOWN };

struct event {
	enum button button;
	int y, x;
};

void top_mouse_prepare(void)
{
	define_key("\x1b[<", TOP_KEY_SGR_MOUSE);
}

/* "0;12;5M": the button, column and line from 1 on; "m": it was let go. */
static bool parse(const char *text, struct event *e)
{
	int code, x, y;
	char end;

	if (sscanf(text, "%d;%d;%d%c", &code, &x, &y, &end) != 4 || end != 'M' || code < 0 || x < 1 || y < 1)
		return false;
	*e = (struct event){.y = y - 1, .x = x - 1};
	if ((code & ~3) == 64)
		e->button = (code & 3) == 0 ? WHEEL_UP : (code & 3) == 1 ? WHEEL_DOWN : BUTTON_NONE;
	else if (code == 0)
		e->button = BUTTON_LEFT;
	return true;
}

/* All of it is taken, whatever it is: it must not be read as keys. */
static bool read_sgr(struct event *e)
{
	char text[REST_MAX + 1] = "";
	wint_t c = 0;

	timeout(REST_MS);
	for (size_t i = 0; i < REST_MAX && c != 'M' && c != 'm'; i++) {
		if (get_wch(&c) != OK)
			break;
		text[i] = c < 128 ? (char)c : '?';
	}
	nodelay(stdscr, TRUE);
	return parse(text, e);
}

static bool read_old(struct event *e)
{
	MEVENT event;

	if (getmouse(&event) == ERR)
		return false;
	*e = (struct event){.y = event.y, .x = event.x};
	e->button = event.bstate & BUTTON4_PRESSED   ? WHEEL_UP
		    : event.bstate & BUTTON5_PRESSED ? WHEEL_DOWN
		    : event.bstate & BUTTON1_PRESSED ? BUTTON_LEFT
						     : BUTTON_NONE;
	return true;
}

static void click(struct top_ui *ui, const struct event *e)
{
	struct top_at at = top_draw_at(ui, e->y, e->x);

	if (at.hit == TOP_HIT_COLUMN)
		top_ui__sort(ui, at.column);
	else if (at.hit == TOP_HIT_ROW)
		top_ui__choose(ui, at.row);
}

void top_mouse_act(struct top_ui *ui, bool sgr)
{
	struct event e;
	bool wheel;

	if (!(sgr ? read_sgr(&e) : read_old(&e)) || e.button == BUTTON_NONE || ui->prompt.question)
		return;
	wheel = e.button != BUTTON_LEFT;
	if (ui->help && wheel)
		top_ui__scroll_help(ui, e.button == WHEEL_UP ? -1 : 1);
	else if (ui->help)
		ui->help = false;
	else if (wheel)
		top_ui__scroll(ui, e.button == WHEEL_UP ? -WHEEL_ROWS : WHEEL_ROWS);
	else
		click(ui, &e);
}
