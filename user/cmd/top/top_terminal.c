/*
 * Curses is entered and left here only. A crash cannot call it (it is not safe in a signal handler), so what
 * gives the terminal back is put together beforehand: the settings of the line and one string.
 */
#include "user/cmd/top/top_terminal.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <curses.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <termios.h>

#define MESSAGES_KEPT 20

static struct {
	SCREEN *screen;
	bool up, colours, utf8;
	struct termios line; /* before we came */
	char reset[512];
	size_t reset_len;
	char *said[MESSAGES_KEPT]; /* the latest first */
	enum log_level levels[MESSAGES_KEPT];
	bool fresh;
} term;

/* ---- the way out that always works ------------------------------------------------------------------- */

/* Capabilities may hold waits, "$<5>", that only curses understands. */
static void add_reset(const char *text)
{
	if (!text || text == (char *)-1)
		return;
	for (; *text && term.reset_len < sizeof(term.reset); text++) {
		if (text[0] == '$' && text[1] == '<' && strchr(text, '>'))
			text = strchr(text, '>');
		else
			term.reset[term.reset_len++] = *text;
	}
}

static void prepare_reset(void)
{
	static char mouse[] = "\x1b[?1006l\x1b[?1000l";

	term.reset_len = 0;
	if (tigetstr("kmous") && tigetstr("kmous") != (char *)-1)
		add_reset(mouse);
	add_reset(tigetstr("sgr0"));
	add_reset(tigetstr("op"));
	add_reset(tigetstr("rmkx"));
	add_reset(tigetstr("cnorm"));
	add_reset(tigetstr("rmcup"));
}

static void restore(void)
{
	ssize_t ignored;

	if (!term.up)
		return;
	term.up = false;
	ignored = write(STDOUT_FILENO, term.reset, term.reset_len);
	(void)ignored;
	tcsetattr(STDIN_FILENO, TCSANOW, &term.line);
}

static void on_crash(int number)
{
	restore();
	raise(number); /* SA_RESETHAND: the default action comes now */
}

/* Everything that ends a program and is not awaited by the loop. */
static void catch_crashes(void)
{
	static const int numbers[] = {SIGSEGV, SIGBUS,	SIGFPE,	 SIGILL,    SIGABRT, SIGTRAP, SIGSYS,	SIGQUIT,
				      SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGXCPU, SIGSTKFLT, SIGIO,
				      SIGPWR};
	static char stack[32768]; /* the usual one may be what overflowed */
	struct sigaction action = {.sa_handler = on_crash, .sa_flags = SA_RESETHAND | SA_NODEFER | SA_ONSTACK};
	sigset_t set;

	sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof(stack)}, NULL);
	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		sigaction(numbers[i], &action, NULL);
		sigaddset(&set, numbers[i]);
	}
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	xmalloc_last_act(restore);
}

/* ---- messages ---------------------------------------------------------------------------------------- */

static void take_message(enum log_level level, const char *text)
{
	free(term.said[MESSAGES_KEPT - 1]);
	memmove(term.said + 1, term.said, (MESSAGES_KEPT - 1) * sizeof(*term.said));
	memmove(term.levels + 1, term.levels, (MESSAGES_KEPT - 1) * sizeof(*term.levels));
	term.said[0] = xstrdup(text);
	term.levels[0] = level;
	term.fresh = true;
}

char *top_terminal_message(void)
{
	if (!term.fresh)
		return NULL;
	term.fresh = false;
	return xstrdup(term.said[0]);
}

static void say_again(void)
{
	log_divert(NULL);
	for (size_t i = MESSAGES_KEPT; i--;) {
		if (term.said[i])
			log_write(term.levels[i], "%s", term.said[i]);
		free(term.said[i]);
		term.said[i] = NULL;
	}
}

/* ---- in and out -------------------------------------------------------------------------------------- */

static void start_colours(void)
{
	static const short colours[TOP_COLOURS] = {
		[TOP_USER] = COLOR_YELLOW, [TOP_STDLIB] = COLOR_BLUE, [TOP_SITE] = COLOR_CYAN,
		[TOP_MARK] = COLOR_MAGENTA, [TOP_ALARM] = COLOR_RED, [TOP_NUMBER] = COLOR_GREEN,
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

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || setupterm(NULL, STDOUT_FILENO, &err) == ERR)
		return false;
	move = tigetstr("cup");
	possible = move && move != (char *)-1;
	del_curterm(cur_term);
	return possible;
}

int top_terminal_enter(void)
{
	if (tcgetattr(STDIN_FILENO, &term.line))
		return -ENOTTY;
	setlocale(LC_CTYPE, "");
	term.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	term.screen = newterm(NULL, stdout, stdin);
	if (!term.screen)
		return -ENOTTY;
	prepare_reset();
	term.up = true;
	catch_crashes();
	log_divert(take_message);
	set_escdelay(25);
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	curs_set(0);
	mousemask(BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED, NULL);
	mouseinterval(0); /* a click is told at once, not when it cannot become a double one */
	start_colours();
	return 0;
}

void top_terminal_leave(void)
{
	if (!term.up)
		return;
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

bool top_terminal_ours(void)
{
	pid_t foreground = tcgetpgrp(STDIN_FILENO);

	return foreground < 0 || foreground == getpgrp();
}

void top_terminal_resumed(void)
{
	if (!top_terminal_ours())
		return;
	reset_prog_mode();
	top_terminal_resized();
}

void top_terminal_suspend(void)
{
	sigset_t set;

	def_prog_mode();
	endwin();
	signal(SIGTSTP, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	raise(SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &set, NULL); /* here it stops */
	sigprocmask(SIG_BLOCK, &set, NULL);
	top_terminal_resumed();
}
