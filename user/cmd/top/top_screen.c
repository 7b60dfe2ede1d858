/* SPDX-License-Identifier: MIT */
/* The loop of the screen: numbers at each interval, keys and signals at once. */
#include "user/cmd/top/top_screen.h"
#include "user/cmd/cmd.h"
#include "user/cmd/top/top_draw.h"
#include "user/cmd/top/top_keys.h"
#include "user/cmd/top/top_terminal.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

#define POLL_MS 200 /* samples are drained at least so often */

static void on_signals(struct top_ui *ui, int signals)
{
	struct signalfd_siginfo info;

	while (read(signals, &info, sizeof(info)) == sizeof(info)) {
		ui->changed = true;
		switch (info.ssi_signo) {
		case SIGTSTP:
			top_terminal_suspend();
			break;
		case SIGWINCH:
			top_terminal_resized();
			break;
		case SIGCONT:
			top_terminal_resumed();
			break;
		default:
			command__pass_on(&ui->source->command, &info);
			ui->source->stopped = true;
			ui->quit = true;
		}
	}
}

static int timeout(const struct top_ui *ui)
{
	uint64_t now = clock_now_ns(), left = ui->next_ns > now ? (ui->next_ns - now + 999999) / 1000000 : 0;

	if (ui->source->ended)
		return -1;
	return left > POLL_MS ? POLL_MS : (int)left;
}

static void show_message(struct top_ui *ui)
{
	char *text = top_terminal_message();

	if (!text)
		return;
	free(ui->message);
	ui->message = text;
	ui->alarm = false;
	ui->changed = true;
}

/* The last numbers, once, when nothing more will come. */
static void on_numbers(struct top_ui *ui)
{
	bool was_ended = ui->source->ended;

	top_source__poll(ui->source);
	if ((!ui->source->ended && clock_now_ns() >= ui->next_ns) || was_ended != ui->source->ended)
		top_ui__refresh(ui);
}

static void run_loop(struct top_ui *ui, struct top_output *output, int signals)
{
	while (!ui->quit) {
		bool ours = top_terminal_ours(&ui->changed);
		struct pollfd fds[] = {
			{.events = POLLIN},
			{.fd = signals, .events = POLLIN},
			{.fd = top_source__fd(ui->source), .events = POLLIN},
			{.fd = ui->source->ended ? -1 : command__fd(&ui->source->command), .events = POLLIN},
			{.fd = output->from, .events = POLLIN},
		};

		show_message(ui);
		if (ours && ui->changed)
			top_draw(ui);
		fds[0].fd = ours ? STDIN_FILENO : -1; /* in the background keys are another's */
		poll(fds, ARRAY_SIZE(fds), ours ? timeout(ui) : POLL_MS);
		on_signals(ui, signals);
		if (fds[0].fd >= 0 && !top_keys_read(ui) && fds[0].revents & (POLLIN | POLLHUP | POLLERR | POLLNVAL))
			ui->quit = true; /* the terminal is gone */
		if (fds[4].revents)
			top_output__take(output);
		on_numbers(ui);
	}
}

int top_screen_run(struct top_source *source, struct top_output *output, int signals)
{
	struct top_ui ui;

	top_ui__init(&ui, source);
	if (source->o->filter)
		top_ui__filter(&ui, source->o->filter);
	top_ui__refresh(&ui);
	run_loop(&ui, output, signals);
	top_ui__free(&ui);
	return CMD_OK;
}
