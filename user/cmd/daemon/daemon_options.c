/* SPDX-License-Identifier: MIT */
#include "user/cmd/daemon/daemon_options.h"
#include "user/cmd/cmd.h"
#include "user/cmd/messages.h"
#include "user/cmd/usage.h"
#include "user/cmd/view_options.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include "user/util/units.h"
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Low enough to be always on; each run has another, so that nodes do not beat in time with each other or with what they run. */
#define RATE_FROM_HZ 19
#define RATE_TO_HZ   29
#define WINDOW_NS    15000000000ull
#define WINDOW_LEAST 1000000000ull
#define WINDOW_MOST  3600000000000ull /* back ends refuse what is an hour old */
#define ROTATE       "1h"

enum { KEY_WINDOW = 0x1100, KEY_ROTATE, KEY_LISTEN, KEY_CONFIG };

static const struct argp_option options[] = {
	{"window", KEY_WINDOW, "TIME", 0, "What is handed over at a time, in step with the wall clock (default 15s)",
	 2},
	{"rotate", KEY_ROTATE, "TIME|SIZE", 0,
	 "With -o: begin new files each TIME or whenever the recording has SIZE (default 1h); each has the time when "
	 "it "
	 "begins (UTC) in its name. --keep says when old ones go",
	 2},
	{"listen", KEY_LISTEN, "ADDRESS:PORT|unix:PATH", 0,
	 "Answer /metrics, /healthz and /profile there: on loopback or a unix socket (default: nowhere)", 2},
	{"config", KEY_CONFIG, "FILE", 0,
	 "Lines `option = value`, read again at SIGHUP (default " DAEMON_CONFIG
	 ", if it is there). PYBPFPROF_OPTION in the environment comes before it, and what is typed before both",
	 2},
	{0},
};

static void parse_window(struct daemon_options *o, const char *arg, struct argp_state *state)
{
	o->window_ns = target_parse_time(state, "--window", arg);
	if (o->window_ns < WINDOW_LEAST || o->window_ns > WINDOW_MOST)
		argp_error(state, "--window %s: from 1s to 1h", arg);
}

static void parse_rotate(struct daemon_options *o, const char *arg, struct argp_state *state)
{
	const char *why = "";

	if (rotation__parse(&o->rotation, arg, &why))
		argp_error(state, "--rotate %s: %s", arg, why);
}

static void check(struct daemon_options *o, struct argp_state *state)
{
	if (o->target.command)
		argp_error(state, "a daemon starts no command: give --all, --container, --cgroup or --pid");
	if (!o->target.pid_cnt && !target_options__by_cgroup(&o->target))
		o->target.all = true;
	if (!o->push.cnt && !o->outputs.cnt && !o->listen)
		argp_error(state, "nobody would get anything: give --push URL, -o FILE or --listen ADDRESS:PORT");
	for (size_t i = 0; i < o->outputs.cnt; i++)
		if (!strcmp(o->outputs.items[i].path, "-"))
			argp_error(state, "-o -: standard output cannot be rotated; name a file");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct daemon_options *o = state->input;

	if (!o)
		return ARGP_ERR_UNKNOWN;
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->target;
		state->child_inputs[1] = &o->push;
		state->child_inputs[2] = &o->outputs;
		state->child_inputs[3] = &o->view;
		state->child_inputs[4] = &o->quiet;
		return 0;
	case KEY_WINDOW:
		parse_window(o, arg, state);
		return 0;
	case KEY_ROTATE:
		parse_rotate(o, arg, state);
		return 0;
	case KEY_LISTEN:
		o->listen = arg;
		return 0;
	case KEY_CONFIG: /* read before this */
		return 0;
	case ARGP_KEY_END:
		check(o, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {
	{&target_options, 0, NULL, 0}, {&push_options, 0, NULL, 0},     {&outputs_options, 0, NULL, 0},
	{&view_options, 0, NULL, 0},   {&messages_options, 0, NULL, 0}, {0},
};

const struct argp daemon_argp = {
	.options = options,
	.parser = parse,
	.doc = "Sample all the time, at a low rate, and hand each window over: to back ends, to files.\v"
	       "Without a target it is every Python process on this host, and without --rate a random rate from 19 to "
	       "29 Hz. SIGHUP reads the configuration again; SIGTERM sends what there is, and ends.\n\n"
	       "Exit status: 0 ended by a signal, 1 failed, 2 usage, 3 not permitted, 4 the kernel lacks a feature, "
	       "5 no such target.",
	.children = children,
};

static double random_rate(void)
{
	uint32_t random;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		random = (uint32_t)clock_now_ns();
	return RATE_FROM_HZ + (double)random / UINT32_MAX * (RATE_TO_HZ - RATE_FROM_HZ);
}

int daemon_options__parse(struct daemon_options *o, int argc, char **argv)
{
	const char *why;
	int err;

	*o = (struct daemon_options){.window_ns = WINDOW_NS,
				     .target = {.optional = true, .default_rate_hz = random_rate()}};
	if (settings_build(&daemon_argp, argc, argv, DAEMON_CONFIG, &o->settings))
		return CMD_USAGE;
	usage_parse(&daemon_argp, o->settings.argc, o->settings.argv, 0, o);
	if (o->outputs.cnt && !rotation__is_on(&o->rotation))
		rotation__parse(&o->rotation, ROTATE, &why);
	o->rotation.keep = (struct keep){.ns = o->push.keep_ns, .bytes = o->push.keep_bytes};
	if (o->push.keep_ns || o->push.keep_bytes)
		o->rotation.keep.outputs = &o->outputs;
	err = outputs__check(&o->outputs);
	if (!err)
		o->rotation.view = &o->view;
	return err;
}

void daemon_options__free(struct daemon_options *o)
{
	outputs__free(&o->outputs);
	target_options__free(&o->target);
	push_options__free(&o->push);
	settings__free(&o->settings);
}

static bool are_same_words(const char *const *a, size_t a_cnt, const char *const *b, size_t b_cnt)
{
	if (a_cnt != b_cnt)
		return false;
	for (size_t i = 0; i < a_cnt; i++)
		if (strcmp(a[i], b[i]))
			return false;
	return true;
}

/* A rate that was not asked for is as good as any other. */
static bool is_same_rate(const struct target_options *a, const struct target_options *b)
{
	bool chosen_a = a->rate_hz != a->default_rate_hz, chosen_b = b->rate_hz != b->default_rate_hz;

	return chosen_a == chosen_b && (!chosen_a || a->rate_hz == b->rate_hz);
}

bool daemon_options__sample_alike(const struct daemon_options *a, const struct daemon_options *b)
{
	const struct target_options *x = &a->target, *y = &b->target;

	return x->all == y->all && x->subprocesses == y->subprocesses && x->scoped == y->scoped &&
	       x->native == y->native && x->native_all == y->native_all && x->no_kernel == y->no_kernel &&
	       x->max_frames == y->max_frames && is_same_rate(x, y) && x->event_cnt == y->event_cnt &&
	       !memcmp(x->events, y->events, x->event_cnt * sizeof(x->events[0])) && x->pid_cnt == y->pid_cnt &&
	       (!x->pid_cnt || !memcmp(x->pids, y->pids, x->pid_cnt * sizeof(x->pids[0]))) &&
	       are_same_words(x->cgroups, x->cgroup_cnt, y->cgroups, y->cgroup_cnt) &&
	       are_same_words(x->containers, x->container_cnt, y->containers, y->container_cnt);
}
