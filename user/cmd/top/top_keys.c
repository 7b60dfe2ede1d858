/* SPDX-License-Identifier: MIT */
#include "user/cmd/top/top_keys.h"
#include "user/cmd/top/top_mouse.h"
#include "user/cmd/top/top_terminal.h"
#include "user/util/alloc.h"
#include <curses.h>
#include <time.h>

#define INTERVAL_MIN_NS 50000000ull
#define INTERVAL_MAX_NS 60000000000ull
#define ESC             27
#define CTRL(letter)    ((letter) & 31)

/* ---- what the keys do -------------------------------------------------------------------------------- */

static void quit(struct top_ui *ui)
{
	ui->quit = true;
}

static void show_help(struct top_ui *ui)
{
	ui->help = true;
	ui->help_first = 0;
}

static void move_choice(struct top_ui *ui)
{
	switch (ui->key) {
	case KEY_UP:
	case 'k':
		top_ui__move(ui, -1);
		break;
	case KEY_DOWN:
	case 'j':
		top_ui__move(ui, 1);
		break;
	case KEY_PPAGE:
		top_ui__move(ui, -(long)ui->page);
		break;
	case KEY_NPAGE:
		top_ui__move(ui, (long)ui->page);
		break;
	case KEY_HOME:
		top_ui__move(ui, -(long)ui->cnt);
		break;
	default:
		top_ui__move(ui, (long)ui->cnt);
	}
}

static void sort_by(struct top_ui *ui)
{
	top_ui__sort(ui, (enum top_column)(ui->key - '1'));
}

static void sort_next(struct top_ui *ui)
{
	ui->order.reverse = false;
	ui->order.column = (ui->order.column + 1) % TOP_COLUMNS;
	top_ui__rearrange(ui);
}

static void ask_filter(struct top_ui *ui)
{
	const char *now = top_rows__filter_text(ui->rows);

	top_prompt__ask(&ui->prompt, "Filter (regex): ", now ? now : "", top_ui__filter);
}

static void threads(struct top_ui *ui)
{
	struct top_lens lens = ui->lens;

	lens.threads = !lens.threads;
	top_ui__look(ui, &lens, false);
}

/* From within one process or function this starts over with all of them. */
static void group(struct top_ui *ui)
{
	struct top_lens lens = ui->lens;

	ui->trail_cnt = 0;
	lens.focus = lens.only_process = lens.only_tree = lens.only_thread = lens.only_container = 0;
	lens.group = (lens.group + 1) % TOP_GROUPS;
	ui->moved = false;
	top_ui__look(ui, &lens, false);
}

static void lines(struct top_ui *ui)
{
	top_ui__toggle_lines(ui);
}

static void enter(struct top_ui *ui)
{
	top_ui__enter(ui);
}

static void back(struct top_ui *ui)
{
	top_ui__back(ui);
}

static void pause_it(struct top_ui *ui)
{
	if (ui->source->ended) {
		top_ui__say(ui, true, "no new data: there is nothing to pause");
		return;
	}
	ui->paused = !ui->paused;
	top_ui__refresh(ui);
	if (!ui->paused) /* what came meanwhile is not of the last seconds */
		top_model__next_interval(ui->source->model);
}

static void reset(struct top_ui *ui)
{
	if (ui->source->ended) {
		top_ui__say(ui, true, "no new data: there is nothing to count from here on");
		return;
	}
	ui->paused = false;
	top_source__poll(ui->source);
	top_model__reset(ui->source->model, top_source__now_ns(ui->source));
	top_ui__refresh(ui);
	top_ui__say(ui, false, "counted from here on; what w writes still is all of the run");
}

static void refresh_rate(struct top_ui *ui)
{
	uint64_t ns = ui->key == '-' ? ui->interval_ns * 2 : ui->interval_ns / 2;

	if (ui->source->profile) {
		top_ui__say(ui, true, "a file does not change");
		return;
	}
	ui->interval_ns = ns < INTERVAL_MIN_NS ? INTERVAL_MIN_NS : ns > INTERVAL_MAX_NS ? INTERVAL_MAX_NS : ns;
	top_ui__refresh(ui);
}

static void ask_write(struct top_ui *ui)
{
	time_t now = time(NULL);
	__cleanup_free char *target =
		ui->source->profile ? xstrdup("snapshot") : target_options__file_text(&ui->o->target);
	__cleanup_free char *path = NULL;
	struct tm tm;
	char when[32];

	localtime_r(&now, &tm);
	strftime(when, sizeof(when), "%Y%m%dT%H%M%S", &tm);
	path = xasprintf("pybpfprof-%.80s-%s.svg", target, when);
	top_prompt__ask(&ui->prompt, "Write to: ", path, top_ui__write);
}

static void percent_of(struct top_ui *ui)
{
	if (top_model__type(ui->source->model)->unit != PROFILE_NANOSECONDS) {
		top_ui__say(ui, true, "these are no times: percentages are of all");
		return;
	}
	ui->of_all = !ui->of_all;
}

static void next_type(struct top_ui *ui)
{
	if (!top_source__next_type(ui->source)) {
		top_ui__say(ui, true, "there is one type of values: record more with --event");
		return;
	}
	ui->paused = false;
	top_ui__refresh(ui);
	top_ui__say(ui, false, top_model__type(ui->source->model)->sentence);
}

static void mouse(struct top_ui *ui)
{
	ui->mouse = !ui->mouse;
	top_terminal_mouse(ui->mouse);
	top_ui__say(ui, false,
		    ui->mouse ? "the mouse sorts, chooses and scrolls"
			      : "the mouse is the terminal's, to select text; m: ours");
}

static void full_filenames(struct top_ui *ui)
{
	ui->full_filenames = !ui->full_filenames;
}

const struct top_key top_keys[] = {
	{{KEY_UP, KEY_DOWN, 'k', 'j'}, "arrows, j k", "choose a row; it stays chosen wherever it moves", move_choice},
	{{KEY_PPAGE, KEY_NPAGE, KEY_HOME, KEY_END}, "PgUp PgDn Home End", "choose from afar", move_choice},
	{{'1', '2', '3', '4', '5'}, "1 … 6", "sort by this column; again: the other way round", sort_by},
	{{'6'}, "", NULL, sort_by},
	{{'s'}, "s", "sort by the next column", sort_next},
	{{'/'}, "/", "only rows that match (a regular expression); Esc removes it", ask_filter},
	{{KEY_ENTER, '\r', '\n'},
	 "Enter",
	 "callers and callees of a function; functions of a process, thread or container",
	 enter},
	{{ESC, KEY_BACKSPACE, 127, KEY_LEFT}, "Esc, Backspace", "back", back},
	{{'t'}, "t", "a row for each thread", threads},
	{{'P'}, "P", "rows are functions, processes, process trees, threads, containers", group},
	{{'l', 'L'}, "l", "lines or functions", lines},
	{{'f'}, "f", "whole paths of files", full_filenames},
	{{'v'}, "v", "what is measured: the next type of values, where several are recorded", next_type},
	{{'%'}, "%", "percentages of one CPU, or of all", percent_of},
	{{'p', ' '}, "p, space", "pause: the numbers stand still", pause_it},
	{{'r', 'R'}, "r", "reset: count from here on", reset},
	{{'+', '=', '-'}, "+ -", "refresh more often, less often", refresh_rate},
	{{'w'}, "w", "write all of the run so far to a file; its extension says the format", ask_write},
	{{'m'},
	 "m",
	 "the mouse is ours or the terminal's, which selects text with it (with Shift held in any case)",
	 mouse},
	{{'?', 'h', KEY_F(1)}, "?", "this help", show_help},
	{{'q', KEY_F(10)}, "q, Ctrl-C", "quit", quit},
	{{0}, NULL, NULL, NULL},
};

/* ---- help --------------------------------------------------------------------------------------- */

/* Arrows scroll; any other key leaves the help. */
static void key_in_help(struct top_ui *ui, int code)
{
	if (code == KEY_DOWN || code == 'j')
		top_ui__scroll_help(ui, 1);
	else if (code == KEY_UP || code == 'k')
		top_ui__scroll_help(ui, -1);
	else if (code == KEY_NPAGE)
		top_ui__scroll_help(ui, (long)ui->page);
	else if (code == KEY_PPAGE)
		top_ui__scroll_help(ui, -(long)ui->page);
	else
		ui->help = false;
}

/* ---- reading ----------------------------------------------------------------------------------------- */

/* A key at the prompt. */
static void type(struct top_ui *ui, wint_t c, bool is_key)
{
	struct top_prompt *p = &ui->prompt;
	bool enter = c == '\r' || c == '\n' || (is_key && c == KEY_ENTER);

	if (c == ESC || enter) {
		p->question = NULL;
		if (enter)
			p->done(ui, p->text);
	} else if (c == 127 || c == CTRL('h') || (is_key && c == KEY_BACKSPACE)) {
		top_prompt__erase(p, TOP_ERASE_CHARACTER);
	} else if (c == CTRL('w')) {
		top_prompt__erase(p, TOP_ERASE_WORD);
	} else if (c == CTRL('u')) {
		top_prompt__erase(p, TOP_ERASE_ALL);
	} else if (is_key && (c == KEY_RIGHT || c == KEY_LEFT || c == KEY_END || c == KEY_HOME)) {
		top_prompt__keep(p);
	} else if (!is_key) {
		top_prompt__type(p, c);
	}
}

static void press(struct top_ui *ui, int code)
{
	ui->key = code;
	for (const struct top_key *k = top_keys; k->label; k++)
		for (size_t i = 0; i < ARRAY_SIZE(k->codes) && k->codes[i]; i++)
			if (k->codes[i] == code) {
				k->act(ui);
				return;
			}
	if (code < 128)
		top_ui__say(ui, true, "no such key: ? shows which there are");
}

/* Characters beyond ASCII and the key codes of curses share numbers: `is_key` says which it is. */
static void on_input(struct top_ui *ui, wint_t c, bool is_key)
{
	if (is_key && c == KEY_RESIZE)
		return;
	free(ui->message);
	ui->message = NULL;
	ui->changed = true;
	if (is_key && (c == KEY_MOUSE || c == TOP_KEY_SGR_MOUSE))
		top_mouse_act(ui, c != KEY_MOUSE);
	else if (ui->prompt.question)
		type(ui, c, is_key);
	else if (!is_key && c > 127)
		top_ui__say(ui, true, "no such key: ? shows which there are");
	else if (ui->help)
		key_in_help(ui, (int)c);
	else
		press(ui, (int)c);
}

bool top_keys_read(struct top_ui *ui)
{
	bool any = false;
	wint_t c;
	int kind;

	while (!ui->quit && (kind = get_wch(&c)) != ERR) {
		on_input(ui, c, kind == KEY_CODE_YES);
		any = true;
	}
	return any;
}
