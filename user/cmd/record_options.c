#include "user/cmd/record_options.h"
#include "bpf/abi.h"
#include "user/cmd/cmd.h"
#include "user/cmd/view_options.h"
#include "user/os/perf.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include "user/util/units.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RATE_MAX 20000.0 /* beyond it the timer interrupt itself takes the CPU */

enum { KEY_CGROUP = 0x1000, KEY_SCOPE, KEY_MAX_LOSS, KEY_MAX_FRAMES, KEY_NO_TASK_WORK };

static const struct argp_option options[] = {
	{NULL, 0, NULL, 0, "What is profiled (one of):", 1},
	{"pid", 'p', "PID[,PID…]", 0, "These processes; repeatable", 1},
	{"cgroup", KEY_CGROUP, "PATH", 0,
	 "Every process in this cgroup v2 directory and below it (absolute, or relative to the mount); repeatable", 1},
	{"all", 'a', NULL, 0, "Every Python process on this host", 1},
	{"subprocesses", 's', NULL, 0, "With --pid or a command: its children too, from their birth", 1},
	{NULL, 0, NULL, 0, "How:", 2},
	{"rate", 'r', "HZ", 0, "Samples per second and CPU: 99, 1khz (default 100)", 2},
	{"duration", 'd', "TIME", 0, "10, 10s, 5m, 1h30m (default: until Ctrl-C or the end of the target)", 2},
	{"scope", KEY_SCOPE, "cpu|cgroup", 0,
	 "With --cgroup: timers on every CPU, filtered in the kernel (cpu, default), or timers that run only with "
	 "the cgroup (cheaper for others when it rarely sleeps)", 2},
	{"max-frames", KEY_MAX_FRAMES, "N", 0, "Deepest stack that is kept whole (default and most: 1024)", 2},
	{"max-loss", KEY_MAX_LOSS, "PERCENT", 0, "Exit with 7 when more samples than this were lost or failed", 2},
	{"quiet", 'q', NULL, 0, "Only warnings and errors", 2},
	{"verbose", 'v', NULL, 0, "Say more; twice: debugging messages", 2},
	{"without-task-work", KEY_NO_TASK_WORK, NULL, OPTION_HIDDEN, "Do without what only the newest kernels have", 2},
	{0},
};

/* A parser of user/util/units.h failed: says on what, and why. */
static void complain(struct argp_state *state, const char *option, const char *arg, const char *why)
{
	argp_error(state, "%s %s: %s", option, arg, why);
}

static void parse_scope(struct record_options *o, const char *arg, struct argp_state *state)
{
	if (strcmp(arg, "cpu") && strcmp(arg, "cgroup"))
		argp_error(state, "--scope %s: known are cpu and cgroup", arg);
	o->scoped = !strcmp(arg, "cgroup");
}

static void parse_loss(struct record_options *o, const char *arg, struct argp_state *state)
{
	char *end;

	o->max_loss = strtod(arg, &end);
	if (end == arg || (*end && strcmp(end, "%")) || !(o->max_loss >= 0 && o->max_loss <= 100))
		argp_error(state, "--max-loss %s: give a percentage from 0 to 100", arg);
}

static void parse_rate(struct record_options *o, const char *arg, struct argp_state *state)
{
	const char *why = "";

	if (units_parse_rate(arg, &o->rate_hz, &why))
		complain(state, "--rate", arg, why);
	if (o->rate_hz > RATE_MAX)
		argp_error(state, "--rate %s: at most %.0f Hz; beyond it the timers alone would take the CPUs", arg,
			   RATE_MAX);
	if (o->rate_hz < 0.1)
		argp_error(state, "--rate %s: at least 0.1 Hz", arg);
}

/* The command is everything behind `--`, or from the first word that is no option on. */
static void check_command(struct argp_state *state)
{
	if (state->next > 1 && !strcmp(state->argv[state->next - 1], "--"))
		return;
	argp_error(state, "%s: what is it? A process is given with --pid, a command behind `--`",
		   state->argv[state->next]);
}

static void add_cgroup(struct record_options *o, const char *path)
{
	o->cgroups = xrealloc(o->cgroups, (o->cgroup_cnt + 1) * sizeof(*o->cgroups));
	o->cgroups[o->cgroup_cnt++] = path;
}

static void check_targets(struct record_options *o, struct argp_state *state)
{
	int kinds = (o->pid_cnt > 0) + (o->cgroup_cnt > 0) + o->all + (o->command != NULL);

	if (kinds == 0)
		argp_error(state, "profile what? Give --pid PID, --cgroup PATH, --all or a command: -- python3 app.py");
	if (kinds > 1)
		argp_error(state, "give one of --pid, --cgroup, --all and a command, not several");
	if (o->subprocesses && (o->cgroup_cnt || o->all))
		log_verbose("--subprocesses changes nothing here: every process is included anyway");
	if (o->scoped && !o->cgroup_cnt)
		argp_error(state, "--scope cgroup goes with --cgroup");
	if (!o->max_frames || o->max_frames > ABI_MAX_FRAMES)
		argp_error(state, "--max-frames: from 1 to %d", ABI_MAX_FRAMES);
}

static error_t parse_how(struct record_options *o, int key, char *arg, struct argp_state *state)
{
	const char *why = "";

	switch (key) {
	case 'r':
		parse_rate(o, arg, state);
		return 0;
	case 'd':
		if (units_parse_duration(arg, &o->duration_ns, &why))
			complain(state, "--duration", arg, why);
		if (!o->duration_ns)
			argp_error(state, "--duration %s: must be longer than nothing", arg);
		return 0;
	case KEY_SCOPE:
		parse_scope(o, arg, state);
		return 0;
	case KEY_MAX_FRAMES:
		if (units_parse_count(arg, &o->max_frames, &why))
			complain(state, "--max-frames", arg, why);
		return 0;
	case KEY_MAX_LOSS:
		parse_loss(o, arg, state);
		return 0;
	case KEY_NO_TASK_WORK:
		o->no_task_work = true;
		return 0;
	case 'q':
		log_set_level(LOG_WARN);
		o->quiet = true;
		return 0;
	case 'v':
		log_set_level(o->verbose ? LOG_DEBUG : LOG_VERBOSE);
		o->verbose = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct record_options *o = state->input;
	const char *why = "";

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->outputs;
		state->child_inputs[1] = &o->view;
		return 0;
	case 'p':
		if (units_parse_pids(arg, &o->pids, &o->pid_cnt, &why))
			complain(state, "--pid", arg, why);
		return 0;
	case KEY_CGROUP:
		add_cgroup(o, arg);
		return 0;
	case 'a':
		o->all = true;
		return 0;
	case 's':
		o->subprocesses = true;
		return 0;
	case ARGP_KEY_ARG:
		state->next--;
		check_command(state);
		o->command = &state->argv[state->next];
		state->next = state->argc;
		return 0;
	case ARGP_KEY_END:
		check_targets(o, state);
		return 0;
	default:
		return parse_how(o, key, arg, state);
	}
}

static const struct argp_child children[] = {{&outputs_options, 0, NULL, 0}, {&view_options, 0, NULL, 0}, {0}};

const struct argp record_argp = {
	.options = options,
	.parser = parse,
	.args_doc = "--pid PID\n--cgroup PATH\n--all\n-- COMMAND [ARG…]",
	.doc = "Sample Python programs from the kernel and write what was seen.\v"
	       "Without -o a flame graph (.svg) and the recording (.pybpf) are written here. Formats: .svg, .prof, "
	       ".json, .folded, .pybpf. Ctrl-C stops and writes; a second one keeps only the recording; SIGUSR1 "
	       "writes what there is so far and goes on.\n\n"
	       "Exit status: 0 ok, 1 failed, 2 usage, 3 not permitted, 4 the kernel lacks a feature, 5 no such "
	       "target or no Python in it, 6 nothing could be walked, 7 lossier than --max-loss; with a command, "
	       "the command's own.",
	.children = children,
};

/* What is profiled, in few words; also part of default file names. */
static char *describe_target(const struct record_options *o)
{
	const char *base;

	if (o->pid_cnt)
		return o->pid_cnt == 1 ? xasprintf("pid %u", o->pids[0]) :
					 xasprintf("pid %u and %zu more", o->pids[0], o->pid_cnt - 1);
	if (o->cgroup_cnt)
		return o->cgroup_cnt == 1 ? xasprintf("cgroup %s", o->cgroups[0]) :
					    xasprintf("cgroup %s and %zu more", o->cgroups[0], o->cgroup_cnt - 1);
	if (o->all)
		return xstrdup("all");
	base = strrchr(o->command[0], '/');
	return xstrdup(base ? base + 1 : o->command[0]);
}

/* The same for a file name: the pid, the last part of the cgroup's path, the command. */
static char *short_target(const struct record_options *o)
{
	const char *last = o->cgroup_cnt ? strrchr(o->cgroups[0], '/') : NULL;
	char *text = o->pid_cnt ? xasprintf("%u", o->pids[0]) :
		     o->cgroup_cnt ? xstrdup(last && last[1] ? last + 1 : o->cgroups[0]) :
				     xstrdup(o->target_text);

	for (char *p = text; *p; p++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._", *p))
			*p = '_';
	return text;
}

/* Without -o: pybpfprof-<target>-<time>.svg and .pybpf in the working directory. */
static void add_default_outputs(struct record_options *o)
{
	static const char *const suffixes[] = {".svg", ".pybpf"};
	__cleanup_free char *target = short_target(o);
	time_t now = time(NULL);
	struct tm tm;
	char when[32];

	localtime_r(&now, &tm);
	strftime(when, sizeof(when), "%Y%m%dT%H%M%S", &tm);
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		o->default_paths[i] = xasprintf("pybpfprof-%.80s-%s%s", target, when, suffixes[i]);
		outputs__add(&o->outputs, o->default_paths[i]);
	}
}

int record_options__parse(struct record_options *o, int argc, char **argv)
{
	uint64_t limit = perf_max_rate();

	*o = (struct record_options){.rate_hz = 100, .max_frames = ABI_MAX_FRAMES, .max_loss = -1};
	argp_parse(&record_argp, argc, argv, ARGP_IN_ORDER, NULL, o);
	if (limit && o->rate_hz > (double)limit)
		log_warn("the kernel allows %llu samples per second (kernel.perf_event_max_sample_rate); more will "
			 "be throttled", (unsigned long long)limit);
	o->target_text = describe_target(o);
	if (!o->outputs.cnt)
		add_default_outputs(o);
	return outputs__check(&o->outputs);
}

void record_options__free(struct record_options *o)
{
	outputs__free(&o->outputs);
	free(o->pids);
	free(o->cgroups);
	free(o->default_paths[0]);
	free(o->default_paths[1]);
	free(o->target_text);
}
