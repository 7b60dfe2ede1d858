#include "user/cmd/top/top_keys.h"
#include "user/util/alloc.h"
#include <curses.h>
#include <time.h>

#define INTERVAL_MIN_NS 50000000ull
#define INTERVAL_MAX_NS 60000000000ull
#define ESC		27

/* ---- what the keys do -------------------------------------------------------------------------------- */

static void quit(struct top_ui *ui, int code)
{
	(void)code;
	ui->quit = true;
}

static void help(struct top_ui *ui, int code)
{
	(void)code;
	ui->help = true;
	ui->help_first = 0;
}

static void move_choice(struct top_ui *ui, int code)
{
	switch (code) {
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

static void sort_by(struct top_ui *ui, int code)
{
	top_ui__sort(ui, (enum top_column)(code - '1'));
}

static void sort_next(struct top_ui *ui, int code)
{
	(void)code;
	ui->order.reverse = false;
	ui->order.column = (ui->order.column + 1) % TOP_COLUMNS;
	top_ui__rearrange(ui);
}

static void ask_filter(struct top_ui *ui, int code)
{
	const char *now = top_rows__filter_text(ui->rows);

	(void)code;
	top_prompt__ask(&ui->prompt, "Filter (regex): ", now ? now : "");
	ui->prompt.done = top_ui__filter;
}

static void next_match(struct top_ui *ui, int code)
{
	top_ui__next_match(ui, code == 'N' ? -1 : 1);
}

static void threads(struct top_ui *ui, int code)
{
	struct top_lens lens = ui->lens;

	(void)code;
	lens.threads = !lens.threads;
	top_ui__look(ui, &lens, false);
}

/* From within one process or function this starts over with all of them. */
static void group(struct top_ui *ui, int code)
{
	struct top_lens lens = ui->lens;

	(void)code;
	ui->trail_cnt = 0;
	lens.focus = lens.only_process = lens.only_thread = 0;
	lens.group = (lens.group + 1) % TOP_GROUPS;
	ui->moved = false;
	top_ui__look(ui, &lens, false);
}

static void lines(struct top_ui *ui, int code)
{
	(void)code;
	top_ui__toggle_lines(ui);
}

static void enter(struct top_ui *ui, int code)
{
	(void)code;
	top_ui__enter(ui);
}

static void back(struct top_ui *ui, int code)
{
	(void)code;
	top_ui__back(ui);
}

static void pause_it(struct top_ui *ui, int code)
{
	(void)code;
	if (ui->source->ended) {
		top_ui__say(ui, true, "nothing moves here any more");
		return;
	}
	ui->paused = !ui->paused;
	top_ui__refresh(ui);
}

static void reset(struct top_ui *ui, int code)
{
	(void)code;
	if (ui->source->ended) {
		top_ui__say(ui, true, "these are the last numbers; nothing new would come");
		return;
	}
	ui->paused = false;
	top_source__poll(ui->source);
	top_model__reset(ui->source->model, top_source__now_ns(ui->source));
	top_ui__refresh(ui);
	top_ui__say(ui, false, "counted from here on; what w writes still is all of the run");
}

static void refresh_rate(struct top_ui *ui, int code)
{
	uint64_t ns = code == '-' ? ui->interval_ns * 2 : ui->interval_ns / 2;

	if (ui->source->profile) {
		top_ui__say(ui, true, "a file does not change");
		return;
	}
	ui->interval_ns = ns < INTERVAL_MIN_NS ? INTERVAL_MIN_NS : ns > INTERVAL_MAX_NS ? INTERVAL_MAX_NS : ns;
	top_ui__refresh(ui);
}

static void ask_write(struct top_ui *ui, int code)
{
	time_t now = time(NULL);
	__cleanup_free char *target = ui->source->profile ? xstrdup("snapshot") :
							   target_options__file_text(&ui->o->target);
	__cleanup_free char *path = NULL;
	struct tm tm;
	char when[32];

	(void)code;
	localtime_r(&now, &tm);
	strftime(when, sizeof(when), "%Y%m%dT%H%M%S", &tm);
	path = xasprintf("pybpfprof-%.80s-%s.svg", target, when);
	top_prompt__ask(&ui->prompt, "Write to: ", path);
	ui->prompt.done = top_ui__write;
}

static void percent_of(struct top_ui *ui, int code)
{
	(void)code;
	ui->of_all = !ui->of_all;
}

static void full_filenames(struct top_ui *ui, int code)
{
	(void)code;
	ui->full_filenames = !ui->full_filenames;
}

const struct top_key top_keys[] = {
	{{KEY_UP, KEY_DOWN, 'k', 'j'}, "arrows, j k", "choose a row; it stays chosen wherever it moves", move_choice},
	{{KEY_PPAGE, KEY_NPAGE, KEY_HOME, KEY_END}, "PgUp PgDn Home End", "choose from afar", move_choice},
	{{'1', '2', '3', '4', '5'}, "1 … 6", "sort by this column; again: the other way round", sort_by},
	{{'6'}, "", NULL, sort_by},
	{{'s'}, "s", "sort by the next column", sort_next},
	{{'/'}, "/", "only rows that match (a regular expression); Esc removes it", ask_filter},
	{{'n', 'N'}, "n N", "the next, the previous row that matches", next_match},
	{{KEY_ENTER, '\r', '\n'}, "Enter", "callers and callees of a function; functions of a process or thread", enter},
	{{ESC, KEY_BACKSPACE, 127, KEY_LEFT}, "Esc, Backspace", "back", back},
	{{'t'}, "t", "a row for each thread", threads},
	{{'P'}, "P", "rows are functions, processes, threads", group},
	{{'l', 'L'}, "l", "lines or functions", lines},
	{{'f'}, "f", "whole paths of files", full_filenames},
	{{'%'}, "%", "percentages of one CPU, or of all CPU time", percent_of},
	{{'p', ' '}, "p, space", "pause: the numbers stand still", pause_it},
	{{'r', 'R'}, "r", "reset: count from here on", reset},
	{{'+', '=', '-'}, "+ -", "refresh more often, less often", refresh_rate},
	{{'w'}, "w", "write all of the run so far to a file; its extension says the format", ask_write},
	{{'?', 'h', KEY_F(1)}, "?", "this help", help},
	{{'q', KEY_F(10)}, "q, Ctrl-C", "quit", quit},
	{{0}, NULL, NULL, NULL},
};
