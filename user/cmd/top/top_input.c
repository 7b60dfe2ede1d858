#include "user/cmd/top/top_input.h"
#include "user/cmd/top/top_draw.h"
#include "user/cmd/top/top_keys.h"
#include "user/util/alloc.h"
#include <curses.h>

#define WHEEL_ROWS 3
#define ESC	   27

/* ---- help and the mouse --------------------------------------------------------------------------------------- */

/* In the help the arrows scroll; any other key leaves it. */
static void key_in_help(struct top_ui *ui, int code)
{
	if (code == KEY_DOWN || code == 'j')
		ui->help_first++;
	else if ((code == KEY_UP || code == 'k') && ui->help_first)
		ui->help_first--;
	else if (code == KEY_NPAGE)
		ui->help_first += ui->page;
	else if (code == KEY_PPAGE)
		ui->help_first = ui->help_first > ui->page ? ui->help_first - ui->page : 0;
	else if (code != KEY_UP && code != 'k')
		ui->help = false;
}

static void mouse(struct top_ui *ui)
{
	MEVENT event;
	struct top_at at;

	if (getmouse(&event) == ERR || ui->prompt.question)
		return;
	if (ui->help) {
		key_in_help(ui, event.bstate & BUTTON4_PRESSED ? KEY_UP : event.bstate & BUTTON5_PRESSED ? KEY_DOWN : ESC);
		return;
	}
	if (event.bstate & (BUTTON4_PRESSED | BUTTON5_PRESSED)) {
		top_ui__scroll(ui, event.bstate & BUTTON4_PRESSED ? -WHEEL_ROWS : WHEEL_ROWS);
		return;
	}
	if (!(event.bstate & BUTTON1_PRESSED))
		return;
	at = top_draw_at(ui, event.y, event.x);
	if (at.hit == TOP_HIT_COLUMN)
		top_ui__sort(ui, at.column);
	else if (at.hit == TOP_HIT_ROW)
		top_ui__choose(ui, at.row);
}

/* ---- reading ----------------------------------------------------------------------------------------- */

static void end_prompt(struct top_ui *ui, bool accepted)
{
	struct top_prompt p = ui->prompt;

	ui->prompt.question = NULL;
	if (accepted && p.done)
		p.done(ui, p.text);
}

static const struct {
	int code;
	enum top_edit edit;
} edits[] = {
	{KEY_BACKSPACE, EDIT_ERASE}, {127, EDIT_ERASE}, {8, EDIT_ERASE},   {KEY_DC, EDIT_DELETE},
	{23, EDIT_WORD},	     {21, EDIT_ALL},	{KEY_LEFT, EDIT_LEFT}, {KEY_RIGHT, EDIT_RIGHT},
	{KEY_HOME, EDIT_START},	     {1, EDIT_START},	{KEY_END, EDIT_END},   {5, EDIT_END},
};

static void type(struct top_ui *ui, wint_t c, bool is_key)
{
	if (c == ESC || c == '\r' || c == '\n' || (is_key && c == KEY_ENTER)) {
		end_prompt(ui, c != ESC);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(edits); i++) {
		if ((int)c != edits[i].code || (edits[i].code > 255) != is_key)
			continue;
		top_prompt__edit(&ui->prompt, edits[i].edit);
		return;
	}
	if (!is_key)
		top_prompt__type(&ui->prompt, c);
}

static void press(struct top_ui *ui, int code)
{
	for (const struct top_key *k = top_keys; k->label; k++) {
		for (size_t i = 0; i < ARRAY_SIZE(k->codes) && k->codes[i]; i++) {
			if (k->codes[i] != code)
				continue;
			k->act(ui, code);
			return;
		}
	}
	if (code < 128)
		top_ui__say(ui, true, "no such key: ? shows which there are");
}

/* Characters beyond ASCII and curses' own codes share numbers; the prompt has to know which it is. */
static void take(struct top_ui *ui, wint_t c, bool is_key)
{
	if (is_key && c == KEY_RESIZE)
		return;
	free(ui->message);
	ui->message = NULL;
	ui->changed = true;
	if (is_key && c == KEY_MOUSE)
		mouse(ui);
	else if (ui->prompt.question)
		type(ui, c, is_key);
	else if (!is_key && c > 127)
		top_ui__say(ui, true, "no such key: ? shows which there are");
	else if (ui->help)
		key_in_help(ui, (int)c);
	else
		press(ui, (int)c);
}

bool top_input_read(struct top_ui *ui)
{
	bool any = false;
	wint_t c;
	int kind;

	while (!ui->quit && (kind = get_wch(&c)) != ERR) {
		take(ui, c, kind == KEY_CODE_YES);
		any = true;
	}
	return any;
}
