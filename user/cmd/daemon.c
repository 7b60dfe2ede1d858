/* SPDX-License-Identifier: MIT */
/* `daemon`: samples for ever, in windows, each of which is handed over to back ends and files and then forgotten. */
#include "user/cmd/cmd.h"
#include "user/cmd/daemon/answers.h"
#include "user/cmd/daemon/daemon_options.h"
#include "user/cmd/daemon/delivery.h"
#include "user/cmd/daemon/files.h"
#include "user/cmd/daemon/reload.h"
#include "user/cmd/daemon/window.h"
#include "user/cmd/exit_status.h"
#include "user/cmd/signals.h"
#include "user/os/confine.h"
#include "user/os/notify.h"
#include "user/os/privileges.h"
#include "user/os/worker.h"
#include "user/profile/tee.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include "user/util/units.h"
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <string.h>
#include <sys/signalfd.h>

#define POLL_MS   200
#define TEND_NS   1000000000ull
#define LAST_MS   5000 /* to send what is left as it ends */
#define RETIRE_NS 30000000000ull

struct daemon {
	int argc;
	char **argv;
	struct daemon_options *o;
	struct session *session;
	struct stream *stream;
	struct window window;
	struct files files;
	struct delivery delivery;
	struct retired {
		struct daemon_options *o; /* NULL: none */
		struct delivery delivery;
		uint64_t until_ns;
	} retired; /* from before the last reload: it sends what it has */
	struct answers answers;
	struct notify notify;
	int signals;
	bool stop, reload, failed;
	uint64_t window_end_ns, next_tend_ns;
};

/* ---- windows ------------------------------------------------------------------------------------------ */

static void hand_over(struct daemon *d, struct window *done)
{
	struct profile *p = window__take(done);

	answers__count_window(&d->answers, p);
	delivery__window(&d->delivery, p, d->o->window_ns);
	profile__free(p);
	malloc_trim(0); /* its pieces lay among those that are kept */
}

static bool are_files_due(struct daemon *d, uint64_t now)
{
	return d->files.segment &&
	       rotation__is_due(&d->files.rotation, now, recording__bytes(d->files.segment->recording));
}

/* One window ends and the next one begins, at one cut of the stream, and so do files that are due. */
static void turn_window(struct daemon *d, uint64_t now)
{
	uint64_t due_ns = d->window_end_ns, over_ns;
	struct window done = d->window;

	window__end(&done, d->stream);
	window__begin(&d->window, d->stream);
	if (are_files_due(d, now))
		files__begin(&d->files, d->stream);
	stream__cut(d->stream, d->session);
	d->window_end_ns = window_end_ns(d->o->window_ns);
	files__end_last(&d->files);
	hand_over(d, &done);
	over_ns = clock_now_ns();
	d->answers.late_ns = over_ns > due_ns ? over_ns - due_ns : 0;
}

static struct answers_of answers_of(const struct daemon *d)
{
	const struct target_options *t = &d->o->target;

	return (struct answers_of){.session = d->session,
				   .stream = d->stream,
				   .delivery = &d->delivery,
				   .files = &d->files,
				   .window_ns = d->o->window_ns,
				   .targets = t->all ? 1 : t->pid_cnt + t->cgroup_cnt + t->container_cnt};
}

/* ---- the configuration, again ------------------------------------------------------------------------------- */

static void end_retired(struct daemon *d)
{
	if (!d->retired.o)
		return;
	delivery__close(&d->retired.delivery, 0);
	daemon_options__free(d->retired.o);
	free(d->retired.o);
	d->retired.o = NULL;
}

static int open_session(const struct daemon_options *o, struct profile_sink sink, struct session **out)
{
	struct session_options s = {.command = "", .allow_no_python = true, .identify = true};

	target_options__fill(&o->target, &s);
	s.gil_only = o->view.gil_only;
	s.frugal = true;
	s.allow_no_python = s.identify = true;
	return session__open(&s, sink, out);
}

/* The one that samples as it was until now ends where the new one begins; what it has still comes. */
static int change_session(struct daemon *d, const struct daemon_options *o)
{
	struct session *next, *last = d->session;
	struct tee nobody = {0};
	int err = open_session(o, tee__sink(&nobody), &next);

	if (err)
		return err;
	session__detach(last);
	session__begin_segment(next, stream__begin(d->stream));
	if (session__start(next))
		d->stop = d->failed = true; /* said already */
	session__stop(last);
	stream__end_last(d->stream);
	session__free(last);
	d->session = next;
	return 0;
}

/*
 * What the last one has still to send it sends, but for a spool, which has one owner at a time: there the new one finds what
 * was left. Sampling goes on meanwhile.
 */
static int use(struct daemon *d, struct daemon_options *o)
{
	end_retired(d);
	if (d->o->push.common.spool)
		delivery__close(&d->delivery, 0);
	d->retired = (struct retired){d->o, d->delivery, clock_now_ns() + RETIRE_NS};
	d->o = o;
	d->window_end_ns = window_end_ns(o->window_ns);
	return delivery__open(&d->delivery, &o->push);
}

static void reload(struct daemon *d)
{
	struct daemon_options *o = xcalloc(1, sizeof(*o));
	struct answers_of of;
	bool sample_alike;

	notify_reloading(&d->notify);
	log_set_level(LOG_INFO); /* until the options have said otherwise */
	if (!reload_is_sound(d->argc, d->argv) || daemon_options__parse(o, d->argc, d->argv)) {
		log_error("the configuration was not taken: all stays as it was");
		free(o);
		notify_ready(&d->notify);
		return;
	}
	sample_alike = daemon_options__sample_alike(d->o, o);
	if (!sample_alike && change_session(d, o))
		log_error("what is sampled stays as it was");
	turn_window(d, clock_now_ns());
	if (use(d, o))
		d->stop = d->failed = true; /* said already, and what was sound a moment ago */
	of = answers_of(d);
	answers__listen(&d->answers, o->listen, &of);
	files__change(&d->files, &o->outputs, &o->rotation, d->stream);
	stream__cut(d->stream, d->session);
	files__end_last(&d->files);
	log_info("the configuration was read again%s", sample_alike ? "" : "; sampling began anew");
	notify_ready(&d->notify);
}

/* ---- the loop --------------------------------------------------------------------------------------- */

static void on_signals(struct daemon *d)
{
	struct signalfd_siginfo info;

	while (read(d->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			d->reload = true;
		else
			d->stop = true;
	}
}

static void tend(struct daemon *d, uint64_t now)
{
	if (now < d->next_tend_ns)
		return;
	d->next_tend_ns = now + TEND_NS;
	notify_watchdog(&d->notify);
	delivery__tend(&d->delivery);
	files__tend(&d->files);
	if (d->retired.o && (now >= d->retired.until_ns || !delivery__queued(&d->retired.delivery)))
		end_retired(d);
}

static int poll_timeout(const struct daemon *d, uint64_t now)
{
	uint64_t left = d->window_end_ns > now ? d->window_end_ns - now : 0;

	return left < POLL_MS * 1000000ull ? (int)((left + 999999) / 1000000) : POLL_MS;
}

static void run_loop(struct daemon *d)
{
	struct pollfd fds[] = {
		{.fd = d->signals, .events = POLLIN},
		{.events = POLLIN},
		{.events = POLLIN},
	};

	while (!d->stop) {
		struct answers_of of;
		uint64_t now;

		fds[1].fd = session__fd(d->session); /* both change with the configuration */
		fds[2].fd = answers__fd(&d->answers);
		poll(fds, ARRAY_SIZE(fds), poll_timeout(d, clock_now_ns()));
		now = clock_now_ns();
		if (session__poll(d->session))
			d->stop = d->failed = true;
		on_signals(d);
		if (d->reload && !d->stop)
			reload(d);
		d->reload = false;
		if (now >= d->window_end_ns)
			turn_window(d, now);
		of = answers_of(d);
		answers__poll(&d->answers, &of, now);
		tend(d, now);
	}
}

/* ---- the end ---------------------------------------------------------------------------------------- */

static void finish(struct daemon *d)
{
	notify_stopping(&d->notify);
	session__stop(d->session);
	window__end(&d->window, d->stream);
	stream__begin(d->stream);
	stream__end_last(d->stream);
	hand_over(d, &d->window);
	if (files__finish(&d->files, d->stream))
		d->failed = true;
	delivery__close(&d->delivery, LAST_MS);
	end_retired(d);
}

/* ---- the start ---------------------------------------------------------------------------------------- */

static int start(struct daemon *d)
{
	int err = delivery__open(&d->delivery, &d->o->push);

	if (!err)
		err = answers__open(&d->answers, d->o->listen);
	d->files.outputs = &d->o->outputs;
	d->files.rotation = d->o->rotation;
	if (!err && files__are_wanted(&d->files))
		err = files__begin(&d->files, d->stream);
	window__begin(&d->window, d->stream);
	if (!err)
		err = open_session(d->o, stream__begin(d->stream), &d->session);
	return err;
}

static void say_started(const struct daemon *d)
{
	__cleanup_free char *window = units_duration_text(d->o->window_ns);

	log_info("sampling %s at %.1f Hz, in windows of %s", d->o->target.text ? d->o->target.text : "the whole host",
		 d->o->target.rate_hz, window);
	for (size_t i = 0; i < d->delivery.cnt; i++) {
		struct push_stats st;

		push_sender__stats(d->delivery.senders[i], &st);
		log_info("profiles go to %s", st.url);
	}
	if (d->o->listen)
		log_info("/metrics, /healthz and /profile are at %s", d->o->listen);
}

static int run_started(struct daemon *d)
{
	int err = session__start(d->session);

	if (err)
		return exit_status(err);
	privileges_keep_only(PRIVILEGES_DAEMON | (d->o->outputs.cnt ? PRIVILEGES_FILES : 0));
	d->window_end_ns = window_end_ns(d->o->window_ns);
	say_started(d);
	notify_ready(&d->notify);
	run_loop(d);
	finish(d);
	return d->failed ? CMD_FAILED : CMD_OK;
}

static void release(struct daemon *d)
{
	answers__close(&d->answers);
	session__free(d->session);
	stream__free(d->stream);
	delivery__close(&d->delivery, 0);
	profile__free(window__take(&d->window));
	segment__free(d->files.segment);
	if (d->signals >= 0)
		close(d->signals);
	notify_close(&d->notify);
	daemon_options__free(d->o);
	free(d->o);
}

static int run(int argc, char **argv)
{
	struct daemon d = {.argc = argc, .argv = argv, .signals = -1, .o = xcalloc(1, sizeof(*d.o))};
	int status = daemon_options__parse(d.o, argc, argv);

	if (status) {
		free(d.o);
		return status;
	}
	notify_open(&d.notify);
	confine_memory();
	confine_calls(); /* before anything of others is read, and anybody is forked for it */
	d.signals = signals_open((const int[]){SIGHUP, 0});
	d.stream = stream__new();
	worker_set_hurry(d.signals);
	status = exit_status(d.signals < 0 ? d.signals : start(&d));
	if (!status)
		status = run_started(&d);
	release(&d);
	return status;
}

const struct cmd cmd_daemon = {
	.name = "daemon",
	.args = "[--all | --container CONTAINER | --cgroup PATH | --pid PID] [--push URL] [-o FILE] [--listen "
		"ADDRESS:PORT]",
	.summary = "sample all the time, into back ends and files",
	.examples = {{"sudo pybpfprof daemon --push pyroscope+http://127.0.0.1:4040",
		      "every Python here, into Pyroscope"},
		     {"sudo pybpfprof daemon -o /var/lib/pybpfprof/all.pybpf --keep 24h", "the last day, in files"},
		     {"sudo pybpfprof daemon --listen 127.0.0.1:9100", "for curl: metrics, and a flame graph of now"}},
	.argp = &daemon_argp,
	.run = run,
};
