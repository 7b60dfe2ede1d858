/* SPDX-License-Identifier: MIT */
/*
 * `top`: a live look at where Python programs spend their time; on a screen, or as tables. The terminal is taken over
 * last, so that what fails before is said in the ordinary way.
 */
#include "user/cmd/cmd.h"
#include "user/cmd/signals.h"
#include "user/cmd/top/top_options.h"
#include "user/cmd/top/top_output.h"
#include "user/cmd/top/top_plain.h"
#include "user/cmd/top/top_screen.h"
#include "user/cmd/top/top_source.h"
#include "user/cmd/top/top_terminal.h"
#include "user/os/worker.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <signal.h>

struct top {
	struct top_options o;
	struct top_source source;
	struct top_output output;
	int signals;
};

static void nothing(void)
{
}

/* All that takes time before there is something to see. */
static int open_source(struct top *t, uint64_t span_ns, const int *stdio)
{
	int status;

	worker_set_hurry(t->signals);
	signals_let_end(nothing);
	status = top_source__open(&t->source, &t->o, span_ns, stdio);
	signals_hold();
	return status;
}

static bool wants_screen(const struct top_options *o)
{
	return !o->plain && top_terminal_possible();
}

static int run_plain(struct top *t)
{
	/* the command's output must not get between the tables */
	const int stdio[3] = {STDIN_FILENO, STDERR_FILENO, STDERR_FILENO};
	int status;

	t->signals = signals_open((const int[]){0});
	status = t->signals < 0 ? CMD_FAILED : open_source(t, 0, stdio);
	if (!status)
		status = top_source__start(&t->source);
	if (status)
		return status;
	status = top_plain_run(&t->source, t->signals);
	top_source__end(&t->source);
	return top_source__status(&t->source, status);
}

static int run_screen(struct top *t)
{
	int stdio[3], status;

	t->signals = signals_open((const int[]){SIGTSTP, SIGCONT, SIGWINCH, 0});
	if (t->signals < 0 || (t->o.target.command && top_output__open(&t->output, stdio)))
		return CMD_FAILED;
	status = open_source(t, t->o.span_ns, t->o.target.command ? stdio : NULL);
	if (t->o.target.command) {
		close(stdio[0]);
		close(stdio[1]);
	}
	if (status)
		return status;
	if (top_terminal_enter(!t->o.no_mouse)) {
		log_error("cannot set up the terminal; use --plain");
		return CMD_FAILED;
	}
	status = top_source__start(&t->source);
	if (!status)
		status = top_screen_run(&t->source, &t->output, t->signals);
	top_terminal_leave();
	top_source__end(&t->source);
	status = top_source__status(&t->source, status);
	top_output__show(&t->output);
	return status;
}

static int run(int argc, char **argv)
{
	struct top *t = xcalloc(1, sizeof(*t));
	int status;

	t->signals = t->output.from = -1;
	top_options__parse(&t->o, argc, argv);
	status = wants_screen(&t->o) ? run_screen(t) : run_plain(t);
	top_source__free(&t->source);
	top_output__close(&t->output);
	if (t->signals >= 0)
		close(t->signals);
	top_options__free(&t->o);
	free(t);
	return status;
}

const struct cmd cmd_top = {
	.name = "top",
	.args = "--pid PID | --cgroup PATH | --container CONTAINER | --all | --input FILE | -- COMMAND",
	.summary = "where the time goes, live",
	.examples = {{"sudo pybpfprof top --pid 4242", "a process; ? shows the keys, q ends"},
		     {"sudo pybpfprof top --all", "every Python process on this host"},
		     {"pybpfprof top --input rec.pybpf", "a recording, to browse"}},
	.argp = &top_argp,
	.run = run,
};
