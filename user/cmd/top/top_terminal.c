/* SPDX-License-Identifier: MIT */
/*
 * Curses is entered and left here only. A crash cannot call it (it is not safe in a signal handler), so the settings
 * of the line and the string that restore the terminal are put together beforehand.
 */
#include "user/cmd/top/top_terminal.h"
#include "user/cmd/top/top_mouse.h"
#include "user/cmd/top/top_terminfo.h"
#include "user/os/lookups.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <curses.h>
#include <errno.h>
#include <langinfo.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <termios.h>

#define MESSAGES_KEPT 20

static struct {
	SCREEN *screen;
	bool up, colours, utf8, mouse;
	struct termios line; /* as it was before */
	char reset[512];
	struct message {
		enum log_level level;
		char *text;
	} said[MESSAGES_KEPT]; /* the latest first */
	bool fresh;            /* the latest was not shown yet */
	bool left;             /* another program had it in the foreground and may have changed it */
} term;

/* ---- the way out that always works ------------------------------------------------------------------- */

static void add_reset(const char *capability)
{
	const char *text = tigetstr(capability);

	if (text && text != (char *)-1)
		strncat(term.reset, text, sizeof(term.reset) - strlen(term.reset) - 1);
}

static void prepare_reset(void)
{
	strcpy(term.reset, "\x1b[?1006l\x1b[?1000l"); /* the mouse: terminfo has no name for it */
	add_reset("sgr0");
	add_reset("op");
	add_reset("rmkx");
	add_reset("cnorm");
	add_reset("rmcup");
}

static void restore(void)
{
	ssize_t ignored;

	if (!term.up)
		return;
	term.up = false;
	ignored = write(STDOUT_FILENO, term.reset, strlen(term.reset));
	(void)ignored;
	tcsetattr(STDIN_FILENO, TCSANOW, &term.line);
}

static void on_crash(int number)
{
	restore();
	raise(number); /* SA_RESETHAND: the default action comes now */
}

/* Crashes, and what people send that the loop does not await. */
static void catch_crashes(void)
{
	static const int numbers[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM};
	struct sigaction action = {.sa_handler = on_crash, .sa_flags = SA_RESETHAND | SA_NODEFER};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		sigaction(numbers[i], &action, NULL);
	xmalloc_last_act(restore);
}

/* ---- messages ---------------------------------------------------------------------------------------- */

static void on_message(enum log_level level, const char *text)
{
	struct message *last = &term.said[MESSAGES_KEPT - 1];

	free(last->text);
	memmove(term.said + 1, term.said, (MESSAGES_KEPT - 1) * sizeof(*term.said));
	term.said[0] = (struct message){level, xstrdup(text)};
	term.fresh = true;
}

char *top_terminal_message(void)
{
	bool fresh = term.fresh;

	term.fresh = false;
	return fresh ? xstrdup(term.said[0].text) : NULL;
}

static void say_again(void)
{
	log_divert(NULL);
	for (size_t i = MESSAGES_KEPT; i--;) {
		if (term.said[i].text)
			log_write(term.said[i].level, "%s", term.said[i].text);
		free(term.said[i].text);
	}
}

/* ---- in and out -------------------------------------------------------------------------------------- */

static void start_colours(void)
{
	static const short colours[TOP_COLOURS] = {
		[TOP_USER] = COLOR_YELLOW,       [TOP_STDLIB] = COLOR_BLUE,  [TOP_SITE] = COLOR_CYAN,
		[TOP_SYNTHETIC] = COLOR_MAGENTA, [TOP_NATIVE] = COLOR_WHITE, [TOP_KERNEL] = COLOR_WHITE,
		[TOP_ALARM] = COLOR_RED,         [TOP_NUMBER] = COLOR_GREEN,
	};
	const char *no = getenv("NO_COLOR");

	if ((no && *no) || !has_colors() || start_color() == ERR)
		return;
	use_default_colors();
	for (short i = 1; i < TOP_COLOURS; i++)
		init_pair(i, colours[i], -1);
	term.colours = true;
}

unsigned long top_terminal_colour(enum top_colour c)
{
	return term.colours ? COLOR_PAIR(c) : 0;
}

bool top_terminal_utf8(void)
{
	return term.utf8;
}

bool top_terminal_possible(void)
{
	const char *move;
	bool possible;
	int err;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return false;
	possible = setupterm(top_terminfo_lend(), STDOUT_FILENO, &err) != ERR;
	top_terminfo_take_back();
	if (!possible)
		return false;
	move = tigetstr("cup");
	possible = move && move != (char *)-1;
	del_curterm(cur_term);
	return possible;
}

/* Curses knows of the old way alone; a terminal that does not know the new one stays with that. */
static void speak_sgr(bool on)
{
	static const char *const words[] = {"\x1b[?1006l", "\x1b[?1006h"};
	ssize_t ignored = write(STDOUT_FILENO, words[on], strlen(words[on]));

	(void)ignored;
}

void top_terminal_mouse(bool ours)
{
	mousemask(ours ? BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED : 0, NULL);
	speak_sgr(ours);
	term.mouse = ours;
}

int top_terminal_enter(bool mouse)
{
	if (tcgetattr(STDIN_FILENO, &term.line))
		return -ENOTTY;
	lookups_locale();
	term.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	term.screen = newterm(top_terminfo_lend(), stdout, stdin);
	top_terminfo_take_back();
	if (!term.screen)
		return -ENOTTY;
	prepare_reset();
	term.up = true;
	catch_crashes();
	log_divert(on_message);
	set_escdelay(25);
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	curs_set(0);
	top_mouse_prepare();
	if (mouse)
		top_terminal_mouse(true);
	mouseinterval(0); /* a click is reported at once, not when it cannot become a double click */
	start_colours();
	return 0;
}

void top_terminal_leave(void)
{
	if (!term.up)
		return;
	speak_sgr(false);
	endwin();
	term.up = false;
	delscreen(term.screen);
	say_again();
}

void top_terminal_resized(void)
{
	struct winsize size;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_row && size.ws_col)
		resizeterm(size.ws_row, size.ws_col);
	clearok(curscr, TRUE);
}

static bool is_foreground(void)
{
	pid_t foreground = tcgetpgrp(STDIN_FILENO);

	return foreground < 0 || foreground == getpgrp();
}

static void set_up_again(void)
{
	term.left = false;
	reset_prog_mode();
	speak_sgr(term.mouse);
	top_terminal_resized();
}

void top_terminal_resumed(void)
{
	if (is_foreground())
		set_up_again();
	else
		term.left = true;
}

bool top_terminal_ours(bool *changed)
{
	if (!is_foreground()) {
		term.left = true;
		return false;
	}
	if (term.left) {
		set_up_again();
		*changed = true;
	}
	return true;
}

void top_terminal_suspend(void)
{
	sigset_t set;

	def_prog_mode();
	speak_sgr(false);
	endwin();
	signal(SIGTSTP, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	raise(SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &set, NULL); /* here it stops */
	sigprocmask(SIG_BLOCK, &set, NULL);
	top_terminal_resumed();
}
