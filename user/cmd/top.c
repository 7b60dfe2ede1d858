/* `top`: a live look at where Python programs spend their time; on a screen, or as tables. */
#include "user/cmd/cmd.h"
#include "user/cmd/signals.h"
#include "user/cmd/top_options.h"
#include "user/cmd/top_plain.h"
#include "user/cmd/top_source.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <signal.h>

static int run(int argc, char **argv)
{
	struct top_options o;
	struct top_source s = {0};
	int signals, status;

	top_options__parse(&o, argc, argv);
	signals = signals_open((const int[]){0});
	status = signals < 0 ? CMD_FAILED : top_source__open(&s, &o, 0);
	if (!status)
		status = top_source__start(&s);
	if (!status) {
		status = top_plain_run(&s, signals);
		top_source__end(&s);
		status = top_source__status(&s, status);
	}
	top_source__free(&s);
	if (signals >= 0)
		close(signals);
	top_options__free(&o);
	return status;
}

const struct cmd cmd_top = {
	.name = "top",
	.args = "--pid PID | --cgroup PATH | --all | --input FILE | -- COMMAND",
	.summary = "where the time goes, live",
	.argp = &top_argp,
	.run = run,
};
