/* The options that choose what is profiled and how it is sampled; names are those of py-spy and perf. */
#include "user/cmd/target_options.h"
#include "bpf/abi.h"
#include "user/cmd/choice.h"
#include "user/cmd/pids.h"
#include "user/os/perf.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include "user/util/units.h"
#include <string.h>
#include <unistd.h>

#define RATE_MAX 20000.0 /* beyond it the timer interrupt itself takes the CPU */

enum { KEY_CGROUP = 0x3000, KEY_SCOPE, KEY_MAX_FRAMES, KEY_NO_TASK_WORK };

static const struct argp_option options[] = {
	{NULL, 0, NULL, 0, "What is profiled (one of):", 1},
	{"pid", 'p', "PID[,PID...]", 0, "These processes; repeatable", 1},
	{"cgroup", KEY_CGROUP, "PATH", 0,
	 "Every process in this cgroup v2 directory and below it (absolute, or relative to the mount), also when it is "
	 "removed and made anew, as when a service is started again; repeatable", 1},
	{"all", 'a', NULL, 0, "Every Python process on this host", 1},
	{"subprocesses", 's', NULL, 0, "With --pid or a command: its children too, from their birth", 1},
	{NULL, 0, NULL, 0, "How:", 2},
	{"rate", 'r', "HZ", 0, "Samples per second on each CPU: 99, 1khz (default 100)", 2},
	{"scope", KEY_SCOPE, "cpu|cgroup", 0,
	 "With --cgroup: timers on every CPU, filtered in the kernel (cpu, default), or timers that run only with "
	 "the cgroup (cheaper for others when it rarely sleeps)", 2},
	{"max-frames", KEY_MAX_FRAMES, "N", 0, "Deepest stack that is kept whole (default and most: 1024)", 2},
	{"without-task-work", KEY_NO_TASK_WORK, NULL, OPTION_HIDDEN, "Do without what only the newest kernels have", 2},
	{0},
};

static void parse_scope(struct target_options *o, const char *arg, struct argp_state *state)
{
	static const char *const scopes[] = {"cpu", "cgroup", NULL};

	o->scoped = choice_parse(state, "--scope", arg, scopes) == 1;
}

static void parse_rate(struct target_options *o, const char *arg, struct argp_state *state)
{
	const char *why = "";

	if (units_parse_rate(arg, &o->rate_hz, &why))
		argp_error(state, "--rate %s: %s", arg, why);
	if (o->rate_hz > RATE_MAX)
		argp_error(state, "--rate %s: at most %.0f Hz; beyond it the timers alone would take the CPUs", arg,
			   RATE_MAX);
	if (o->rate_hz < 0.1)
		argp_error(state, "--rate %s: at least 0.1 Hz", arg);
}

static void refuse_word(const struct target_options *o, const char *word, struct argp_state *state)
{
	if (!word[strspn(word, "0123456789")])
		argp_error(state, "%s: a process is given with --pid: --pid %s", word, word);
	else if (o->reads_files && !access(word, F_OK))
		argp_error(state, "%s: a file is given with --input: --input %s", word, word);
	else
		argp_error(state, "%s: what is it? A process is given with --pid, a command behind `--`: -- %s", word,
			   word);
}

/* The command is everything behind `--`. */
static void take_command(struct target_options *o, struct argp_state *state)
{
	state->next--;
	if (state->next <= 1 || strcmp(state->argv[state->next - 1], "--"))
		refuse_word(o, state->argv[state->next], state);
	o->command = &state->argv[state->next];
	state->next = state->argc;
}

static void add_cgroup(struct target_options *o, const char *path, struct argp_state *state)
{
	if (!*path) /* an unset variable, rather than the root */
		argp_error(state, "--cgroup: the path is empty; / is the root, with every process in it");
	o->cgroups = xrealloc(o->cgroups, (o->cgroup_cnt + 1) * sizeof(*o->cgroups));
	o->cgroups[o->cgroup_cnt++] = path;
}

static void check(struct target_options *o, struct argp_state *state)
{
	int kinds = (o->pid_cnt > 0) + (o->cgroup_cnt > 0) + o->all + (o->command != NULL);

	if (kinds == 0 && !o->optional)
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

static void warn_of_throttling(const struct target_options *o)
{
	uint64_t limit = perf_max_rate();

	if (limit && o->rate_hz > (double)limit)
		log_warn("the kernel allows %llu samples per second (kernel.perf_event_max_sample_rate); more will "
			 "be throttled", (unsigned long long)limit);
}

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/* "python3 app.py", "python3 -m pytest": of an interpreter alone nobody knows a profile again. */
static char *describe_command(char *const *argv)
{
	const char *program = base_of(argv[0]);
	size_t i = 1;

	if (strncmp(program, "python", strlen("python")))
		return xstrdup(program);
	while (argv[i] && argv[i][0] == '-' && strcmp(argv[i], "-m") && strcmp(argv[i], "-c") && strcmp(argv[i], "-"))
		i += (!strcmp(argv[i], "-W") || !strcmp(argv[i], "-X")) && argv[i + 1] ? 2 : 1;
	if (!argv[i] || !strcmp(argv[i], "-c") || !strcmp(argv[i], "-"))
		return xstrdup(program);
	if (!strcmp(argv[i], "-m") && argv[i + 1])
		return xasprintf("%s -m %s", program, argv[i + 1]);
	return xasprintf("%s %s", program, base_of(argv[i]));
}

/* What is profiled, in few words. */
static char *describe_target(const struct target_options *o)
{
	if (o->pid_cnt)
		return o->pid_cnt == 1 ? xasprintf("pid %u", o->pids[0]) :
					 xasprintf("pid %u and %zu more", o->pids[0], o->pid_cnt - 1);
	if (o->cgroup_cnt)
		return o->cgroup_cnt == 1 ? xasprintf("cgroup %s", o->cgroups[0]) :
					    xasprintf("cgroup %s and %zu more", o->cgroups[0], o->cgroup_cnt - 1);
	if (o->all)
		return xstrdup("the whole host");
	return o->command ? describe_command(o->command) : NULL;
}

static error_t parse_how(struct target_options *o, int key, const char *arg, struct argp_state *state)
{
	const char *why = "";

	switch (key) {
	case 'r':
		parse_rate(o, arg, state);
		return 0;
	case KEY_SCOPE:
		parse_scope(o, arg, state);
		return 0;
	case KEY_MAX_FRAMES:
		if (units_parse_count(arg, &o->max_frames, &why))
			argp_error(state, "--max-frames %s: %s", arg, why);
		return 0;
	case KEY_NO_TASK_WORK:
		o->no_task_work = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct target_options *o = state->input;

	if (!o) /* the tables alone are being read */
		return ARGP_ERR_UNKNOWN;
	switch (key) {
	case ARGP_KEY_INIT:
		o->rate_hz = 100;
		o->max_frames = ABI_MAX_FRAMES;
		return 0;
	case 'p':
		pids_parse(state, arg, &o->pids, &o->pid_cnt);
		return 0;
	case KEY_CGROUP:
		add_cgroup(o, arg, state);
		return 0;
	case 'a':
		o->all = true;
		return 0;
	case 's':
		o->subprocesses = true;
		return 0;
	case ARGP_KEY_ARG:
		take_command(o, state);
		return 0;
	case ARGP_KEY_END:
		check(o, state);
		warn_of_throttling(o);
		o->text = describe_target(o);
		return 0;
	default:
		return parse_how(o, key, arg, state);
	}
}

const struct argp target_options = {.options = options, .parser = parse};

void target_options__fill(const struct target_options *o, struct session_options *s)
{
	s->target = o->cgroup_cnt ? SESSION_CGROUPS : o->all ? SESSION_ALL : SESSION_PIDS;
	s->pids = o->pids;
	s->pid_cnt = o->pid_cnt;
	s->tree = o->subprocesses;
	s->cgroups = o->cgroups;
	s->cgroup_cnt = o->cgroup_cnt;
	s->scoped = o->scoped;
	s->rate_hz = o->rate_hz;
	s->max_frames = (uint32_t)o->max_frames;
	s->no_task_work = o->no_task_work;
	s->allow_no_python = o->command != NULL;
	s->target_text = o->text;
}

char *target_options__file_text(const struct target_options *o)
{
	const char *last = o->cgroup_cnt ? strrchr(o->cgroups[0], '/') : NULL;
	char *text = o->command	     ? xstrdup(o->text) :
		     o->pid_cnt	     ? xasprintf("%u", o->pids[0]) :
		     o->cgroup_cnt   ? xstrdup(last && last[1] ? last + 1 : o->cgroups[0]) :
				       xstrdup(o->all ? "all" : "");

	for (char *p = text; *p; p++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._", *p))
			*p = '_';
	return text;
}

void target_options__free(struct target_options *o)
{
	free(o->pids);
	free(o->cgroups);
	free(o->text);
}
