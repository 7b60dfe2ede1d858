/* SPDX-License-Identifier: MIT */
/* `push`: recordings that are there already, into back ends; each is a window of its own. Needs neither root nor BPF. */
#include "user/cmd/cmd.h"
#include "user/cmd/messages.h"
#include "user/cmd/push_options.h"
#include "user/cmd/usage.h"
#include "user/format/format.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include "user/util/units.h"
#include <inttypes.h>
#include <signal.h>
#include <unistd.h>

#define LOOK_US 5000 /* at how far a sender is */

struct args {
	const char **recordings;
	size_t cnt;
	struct push_options_list push;
	uint64_t left_out, folded; /* samples, by rules and by --series-max */
	bool quiet;
};

/* A destination of the command's. */
struct destination {
	struct push_sender *sender;
	const struct push_options *options;
	uint64_t progress, since_ns; /* of what it told last, and when that was new */
};

static void add_recording(struct args *a, const char *path)
{
	a->recordings = xrealloc(a->recordings, (a->cnt + 1) * sizeof(*a->recordings));
	a->recordings[a->cnt++] = path;
}

static void check(const struct args *a, struct argp_state *state)
{
	if (!a->cnt)
		argp_error(state, "no recording: give its name, for example rec.pybpf");
	if (!a->push.cnt)
		argp_error(state, "no destination: give --to URL, for example --to pyroscope+http://127.0.0.1:4040");
	if (a->push.keep_ns || a->push.keep_bytes)
		argp_error(state, "--keep of a time or a size is of the files of a daemon; here it is a rule, like "
				  "container=web-*");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->push;
		state->child_inputs[1] = &a->quiet;
		return 0;
	case ARGP_KEY_ARG:
		add_recording(a, arg);
		return 0;
	case ARGP_KEY_END:
		check(a, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {{&push_options, 0, NULL, 0}, {&messages_options, 0, NULL, 0}, {0}};

static const struct argp argp = {
	.parser = parse,
	.doc = "Send recordings (.pybpf), or this program's JSON, to back ends: the profile of each service in them, "
	       "by labels.\v"
	       "A recording is one profile of all its time; `record --rotate 15s` makes recordings of 15 seconds. Most "
	       "back ends take "
	       "what is not older than an hour.\n\n"
	       "Exit status: 0 all was accepted, 1 it was not, 2 usage.",
	.children = children,
};

/* ---- sending ----------------------------------------------------------------------------------- */

/* Until no more than so many bytes wait; gives up when nothing has come of it for as long as a few requests may take. */
static void wait_for(struct destination *d, uint64_t bytes)
{
	struct push_stats st;

	for (d->since_ns = clock_now_ns();; usleep(LOOK_US)) {
		uint64_t now = clock_now_ns();

		push_sender__stats(d->sender, &st);
		if (st.queued_bytes <= bytes && (bytes || !st.queued))
			return;
		if (st.sent + st.refused + st.dropped != d->progress) {
			d->progress = st.sent + st.refused + st.dropped;
			d->since_ns = now;
		}
		if (now - d->since_ns > 3 * d->options->timeout_ns)
			return;
	}
}

static void put(void *ctx, struct buf *body, uint64_t samples)
{
	struct destination *d = ctx;
	uint64_t room = d->options->queue_bytes;

	wait_for(d,
		 body->len < room ? room - body->len : 0); /* the queue is bounded for a daemon; here there is time */
	push_sender__put(d->sender, body, samples);
}

static void count_rules(struct args *a, const struct naming *n)
{
	struct naming_stats st;

	naming__stats(n, &st);
	a->left_out += st.dropped_samples;
	a->folded += st.folded_samples;
}

static void send_window(struct args *a, struct destination *all, const struct profile *p, const char *path)
{
	struct push_window w = {.p = p, .start_unix_ns = p->meta.start_unix_ns, .duration_ns = p->meta.duration_ns};
	struct naming *n = push_options__naming_of(&a->push, p->meta.host);

	naming__group(n, &w);
	if (!w.group_cnt)
		log_warn("%s: nothing in it is to be sent", path);
	for (size_t i = 0; w.group_cnt && i < a->push.cnt; i++)
		push_sender__backend(all[i].sender)->encode(&w, put, &all[i]);
	count_rules(a, n);
	naming_clear(&w);
	naming__free(n);
}

/* The number of recordings that cannot be read. */
static size_t send_all(struct args *a, struct destination *all)
{
	size_t failed = 0;

	for (size_t i = 0; i < a->cnt; i++) {
		struct profile *p = NULL;

		if (format_read(a->recordings[i], &p)) {
			failed++;
			continue;
		}
		send_window(a, all, p, a->recordings[i]);
		profile__free(p);
	}
	return failed;
}

/* ---- what became of it ------------------------------------------------------------------------- */

static void say_rest(const struct push_stats *st, const struct push_options *o)
{
	uint64_t unsent = st->queued_samples + st->dropped_samples;
	__cleanup_free char *refused = units_count_text(st->refused_samples), *left = units_count_text(unsent);

	if (st->refused_samples)
		log_error("%s: %s samples were refused", st->url, refused);
	if (st->left_out_profiles)
		log_error("%s: it left out %" PRIu64 " profiles of what was sent", st->url, st->left_out_profiles);
	if (unsent)
		log_error("%s: %s samples were not sent%s%s", st->url, left,
			  st->queued_samples && o->spool ? "; what waits is in " : "",
			  st->queued_samples && o->spool ? o->spool : "");
}

/* Was all accepted? */
static bool report(const struct destination *d, bool quiet)
{
	struct push_stats st;

	push_sender__stats(d->sender, &st);
	__cleanup_free char *samples = units_count_text(st.sent_samples), *size = units_size_text(st.sent_bytes);
	if (!quiet && st.sent)
		log_info("%s: sent %s samples in %" PRIu64 " request%s, %s", st.url, samples, st.sent,
			 st.sent == 1 ? "" : "s", size);
	say_rest(&st, d->options);
	return st.sent_samples == st.put_samples && !st.left_out_profiles;
}

static void report_rules(const struct args *a)
{
	__cleanup_free char *left_out = units_count_text(a->left_out), *folded = units_count_text(a->folded);

	if (a->left_out && !a->quiet)
		log_info("%s samples were left out by --keep and --drop", left_out);
	if (a->folded)
		log_warn("%s samples were sent as service `other`: there are more sets of labels than --series-max",
			 folded);
}

static void close_all(struct destination *all, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++)
		push_sender__free(all[i].sender);
	free(all);
}

/* 0, or enum cmd_exit. */
static int open_all(struct args *a, struct destination *all)
{
	for (size_t i = 0; i < a->push.cnt; i++) {
		all[i].options = &a->push.destinations[i];
		if (push_sender__new(all[i].options, &all[i].sender))
			return CMD_USAGE;
	}
	return 0;
}

static int push_all(struct args *a, struct destination *all)
{
	int status = open_all(a, all);
	size_t failed;

	if (status)
		return status;
	failed = send_all(a, all);
	for (size_t i = 0; i < a->push.cnt; i++) {
		wait_for(&all[i], 0);
		push_sender__stop(all[i].sender, 0);
		failed += !report(&all[i], a->quiet);
	}
	report_rules(a);
	return failed ? CMD_FAILED : CMD_OK;
}

static int run(int argc, char **argv)
{
	struct args a = {0};
	struct destination *all;
	int status;

	signal(SIGPIPE, SIG_IGN); /* a server that goes away */
	usage_parse(&argp, argc, argv, 0, &a);
	all = xcalloc(a.push.cnt + 1, sizeof(*all));
	status = push_all(&a, all);
	close_all(all, a.push.cnt);
	push_options__free(&a.push);
	free(a.recordings);
	return status;
}

const struct cmd cmd_push = {
	.name = "push",
	.args = "RECORDING... --to URL",
	.summary = "recordings into a back end: Pyroscope, Parca, OpenTelemetry",
	.examples = {{"pybpfprof push rec.pybpf --to pyroscope+http://127.0.0.1:4040", "into Grafana Pyroscope"},
		     {"pybpfprof push rec.pybpf --to otlp+http://127.0.0.1:4318 --label env=test",
		      "into a Collector, with a label"}},
	.argp = &argp,
	.as_invoker = true,
	.run = run,
};
