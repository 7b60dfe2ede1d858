/* SPDX-License-Identifier: MIT */
/* `record`: the main job. Samples into a recording; every output is made from it at the end. */
#include "user/cmd/cmd.h"
#include "user/cmd/command.h"
#include "user/cmd/exit_status.h"
#include "user/cmd/record_options.h"
#include "user/cmd/record_report.h"
#include "user/cmd/signals.h"
#include "user/cmd/target_end.h"
#include "user/cmd/segment.h"
#include "user/cmd/sleepers.h"
#include "user/os/invoker.h"
#include "user/os/output.h"
#include "user/os/privileges.h"
#include "user/os/worker.h"
#include "user/session/session.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#define POLL_MS 200

struct record {
	struct record_options o;
	struct session *session;
	struct segment *segment; /* that is being recorded */
	struct command command;
	struct target_end target_end;
	struct record_live live;
	int signals; /* signalfd */
	bool stop, interrupted_twice;
	bool left_out; /* that children are left out was said */
	int stop_signal;
	pid_t snapshot;
	uint64_t deadline_ns, next_flush_ns;
	char *command_line;
};

/* ---- set-up ----------------------------------------------------------------------------------------- */

static char *join(char **argv)
{
	struct buf out = {0};

	for (char **a = argv; *a; a++)
		buf_printf(&out, "%s%s", a == argv ? "" : " ", *a);
	return buf_steal_text(&out);
}

static int open_segment(struct record *r)
{
	__cleanup_free char *stamp = NULL;

	if (rotation__is_on(&r->o.rotation))
		stamp = rotation__stamp(&r->o.rotation);
	return segment__open(&r->o.outputs, stamp, &r->segment);
}

static int open_session(struct record *r)
{
	struct session_options s = {
		.gil_only = r->o.view.gil_only,
		.command = r->command_line,
		.look = sleepers_read,
		.identify = true,
	};

	target_options__fill(&r->o.target, &s);
	return session__open(&s, recording__sink(r->segment->recording), &r->session);
}

/* ---- the loop --------------------------------------------------------------------------------------- */

static bool is_snapshot_running(struct record *r)
{
	if (r->snapshot > 0 && waitpid(r->snapshot, NULL, WNOHANG) != 0)
		r->snapshot = 0;
	return r->snapshot > 0;
}

/* A child of ours renders what there is, so that sampling and draining go on meanwhile. */
static void snapshot(struct record *r)
{
	struct outputs *o = &r->segment->outputs;
	struct profile *p = NULL;

	if (is_snapshot_running(r)) {
		log_warn("the last snapshot is still being written");
		return;
	}
	session__send_meta(r->session, false);
	recording__flush(r->segment->recording);
	r->snapshot = fork();
	if (r->snapshot)
		return;
	log_status(NULL);
	log_set_level(LOG_ERROR); /* that the recording has no end yet is no news here */
	invoker_begin();
	if (format_read(r->segment->path, &p))
		_exit(1);
	invoker_end();
	for (size_t i = 0; i < o->cnt; i++)
		if (strcmp(o->items[i].path, "-"))
			outputs__write_one(o, i, p, &r->o.view);
	log_set_level(r->o.quiet ? LOG_WARN : LOG_INFO);
	record_report__snapshot(o);
	_exit(0);
}

/* The next segment begins where this one ends. One that cannot be begun is tried again; this goes on. */
static void rotate(struct record *r)
{
	__cleanup_free char *stamp = rotation__stamp(&r->o.rotation);
	struct segment *last = r->segment, *next;

	if (segment__open(&r->o.outputs, stamp, &next)) {
		rotation__postpone(&r->o.rotation, clock_now_ns());
		return;
	}
	session__begin_segment(r->session, recording__sink(next->recording));
	r->segment = next;
	next->keep = true;
	if (segment__close(last))
		r->stop = true; /* said already */
	rotation__hand_over(&r->o.rotation, last);
}

static void rotate_when_due(struct record *r, uint64_t now)
{
	if (!rotation__is_on(&r->o.rotation) || r->stop)
		return;
	if (rotation__is_due(&r->o.rotation, now, recording__bytes(r->segment->recording)))
		rotate(r);
	/* A snapshot is of the same names, and must not come last. */
	if (!is_snapshot_running(r))
		rotation__look(&r->o.rotation);
}

static void on_signals(struct record *r)
{
	struct signalfd_siginfo info;

	while (read(r->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGUSR1) {
			snapshot(r);
			continue;
		}
		if (r->stop_signal && info.ssi_signo == SIGINT)
			r->interrupted_twice = true;
		if (!r->stop_signal)
			command__pass_on(&r->command, &info);
		r->stop_signal = (int)info.ssi_signo;
		r->stop = true;
	}
}

static void flush_now_and_then(struct record *r, uint64_t now)
{
	if (now < r->next_flush_ns)
		return;
	r->next_flush_ns = now + 1000000000ull;
	if (recording__flush(r->segment->recording))
		r->stop = true; /* said already; what was written is kept */
}

static int poll_timeout(const struct record *r)
{
	uint64_t now = clock_now_ns();

	if (!r->deadline_ns || r->deadline_ns > now + POLL_MS * 1000000ull)
		return POLL_MS;
	return r->deadline_ns > now ? (int)((r->deadline_ns - now + 999999) / 1000000) : 0;
}

static void run_loop(struct record *r)
{
	struct pollfd fds[] = {
		{.fd = r->signals, .events = POLLIN},
		{.fd = session__fd(r->session), .events = POLLIN},
		{.fd = command__fd(&r->command), .events = POLLIN},
	};

	while (!r->stop) {
		uint64_t now;

		poll(fds, ARRAY_SIZE(fds), poll_timeout(r));
		now = clock_now_ns();
		if (session__poll(r->session))
			r->stop = true;
		on_signals(r);
		if (fds[2].revents & POLLIN) {
			r->stop = r->command.ended = true;
			target_end__command(&r->o.target, r->session);
		}
		if (r->deadline_ns && now >= r->deadline_ns)
			r->stop = true;
		if (target_end__look(&r->target_end, &r->o.target, r->session))
			r->stop = true;
		flush_now_and_then(r, now);
		rotate_when_due(r, now);
		record_live__update(&r->live, r->session);
	}
}

/* ---- the end ---------------------------------------------------------------------------------------- */

static char give_up_text[PATH_MAX + 128]; /* made beforehand: a signal handler may only write it */

static void give_up(int number)
{
	ssize_t ignored = write(STDERR_FILENO, give_up_text, strlen(give_up_text));

	(void)number;
	(void)ignored;
	output__remove_all();
	_exit(CMD_OK);
}

/* From here on a Ctrl-C or SIGTERM, mostly a second one, ends the rendering; the recording is safe on disk. */
static void let_interrupt(const struct record *r)
{
	sigset_t set;

	snprintf(give_up_text, sizeof(give_up_text),
		 "\npybpfprof: interrupted again: no outputs. The recording is kept: %s; pybpfprof convert makes them "
		 "from it\n",
		 r->segment->path);
	signal(SIGINT, give_up);
	signal(SIGTERM, give_up);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* Those of segments before the last one first, and no snapshot behind them. */
static int write_outputs(struct record *r)
{
	int err;

	if (r->snapshot > 0)
		waitpid(r->snapshot, NULL, 0);
	rotation__finish(&r->o.rotation);
	err = segment__write(r->segment, &r->o.view, record_report__findings);
	segment__say_kept(r->segment);
	return err || r->o.rotation.failed ? -EIO : 0;
}

static int finish(struct record *r)
{
	int err;

	session__stop(r->session);
	record_live__end(&r->live);
	err = segment__close(r->segment);
	on_signals(r);
	record_report__summary(r->session, &r->o.target);
	if (r->interrupted_twice) {
		log_warn("interrupted again: no outputs. The recording is %s; pybpfprof convert makes them from it",
			 r->segment->path);
		return CMD_OK;
	}
	let_interrupt(r);
	err = write_outputs(r) || err;
	record_report__files(&r->segment->outputs);
	if (err)
		return CMD_FAILED;
	outputs__open(&r->segment->outputs);
	if (!r->left_out)
		record_report__left_out(r->session); /* they may have come later */
	return record_report__judge(r->session, &r->o);
}

static int run_recording(struct record *r)
{
	int err = session__start(r->session), status;

	if (err)
		return exit_status(err);
	privileges_keep_only(PRIVILEGES_SAMPLE | PRIVILEGES_FILES | (r->command.argv ? PRIVILEGES_COMMAND : 0));
	status = command__go(&r->command);
	if (status)
		return status;
	if (r->o.duration_ns)
		r->deadline_ns = clock_now_ns() + r->o.duration_ns;
	worker_set_end(r->deadline_ns);
	r->segment->keep = true;
	r->left_out = record_report__left_out(r->session);
	record_live__start(&r->live, r->o.hide_progress || r->o.quiet, &r->o.target);
	if (isatty(STDERR_FILENO) && !r->o.duration_ns && !r->command.argv)
		log_info("recording %s; Ctrl-C stops and writes", r->o.target.text);
	run_loop(r);
	status = finish(r);
	if (r->command.argv && status != CMD_FAILED)
		status = command__status(&r->command, r->stop_signal, status);
	return status;
}

static void release(struct record *r)
{
	session__free(r->session);
	segment__free(r->segment);
	if (r->signals >= 0)
		close(r->signals);
	free(r->command_line);
	record_options__free(&r->o);
}

static const struct segment *starting;

/* In a signal handler. What was started ends with us (user/os/child.h, user/os/loading.h). */
static void leave_nothing(void)
{
	static const char text[] = "pybpfprof: interrupted before anything was sampled\n";
	ssize_t ignored = write(STDERR_FILENO, text, sizeof(text) - 1);

	(void)ignored;
	segment__remove(starting);
}

static int start(struct record *r)
{
	int status = command__start(&r->command, &r->o.target, NULL);

	return status ? status : exit_status(open_session(r));
}

static int run_with_target(struct record *r)
{
	int status;

	outputs__prepare_open(&r->o.outputs);
	starting = r->segment;
	signals_let_end(leave_nothing);
	status = start(r);
	signals_hold();
	return status ? status : run_recording(r);
}

static int run(int argc, char **argv)
{
	struct record r = {.signals = -1};
	int status, err;

	r.command_line = join(argv);
	status = record_options__parse(&r.o, argc, argv);
	if (status) {
		record_options__free(&r.o);
		free(r.command_line);
		return status;
	}
	r.signals = signals_open((const int[]){SIGUSR1, 0});
	signals_write_anyway();
	worker_set_hurry(r.signals);
	err = r.signals < 0 ? r.signals : open_segment(&r);
	status = err ? exit_status(err) : run_with_target(&r);
	release(&r);
	return status;
}

const struct cmd cmd_record = {
	.name = "record",
	.args = "--pid PID | --cgroup PATH | --container CONTAINER | --all | -- COMMAND",
	.summary = "sample programs, write flame graphs, pstats, JSON (the default)",
	.examples = {{"sudo pybpfprof record --pid 4242 -d 10s -o out.svg", "a process that runs, for ten seconds"},
		     {"sudo pybpfprof record -o out.svg -- python3 app.py", "a program from its start to its end"},
		     {"sudo pybpfprof record --container web -o out.html", "a whole container, until Ctrl-C"}},
	.argp = &record_argp,
	.run = run,
};
