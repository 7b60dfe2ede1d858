/* SPDX-License-Identifier: MIT */
/* The options that choose what is profiled and how it is sampled; names are those of py-spy and perf. */
#include "user/cmd/target_options.h"
#include "bpf/abi.h"
#include "user/cmd/choice.h"
#include "user/cmd/in_path.h"
#include "user/os/perf.h"
#include "user/source/source.h"
#include "user/target/suggest.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include "user/util/units.h"
#include <ctype.h>
#include <string.h>
#include <unistd.h>

#define RATE_MAX 20000.0 /* beyond it the timer interrupt itself takes the CPU */

enum {
	KEY_CGROUP = 0x3000,
	KEY_CONTAINER,
	KEY_EVENT,
	KEY_WALL,
	KEY_SCOPE,
	KEY_MAX_FRAMES,
	KEY_MAX_PROCESSES,
	KEY_MAX_CODE,
	KEY_NO_TASK_WORK,
	KEY_OLD_KERNEL,
	KEY_BTF,
	KEY_NO_KERNEL
};

#define X(NAME, name) "|" #name
#define EVENT_WORDS   ABI_SOURCES(X)

static const struct argp_option options[] = {
	{NULL, 0, NULL, 0, "What is profiled (one of):", 1},
	{"pid", 'p', "PID[,PID...]", 0, "These processes; repeatable", 1},
	{"cgroup", KEY_CGROUP, "PATH", 0,
	 "Every process in this cgroup and below it, also when it is made again, as when a service is restarted; "
	 "repeatable",
	 1},
	{"container", KEY_CONTAINER, "CONTAINER", 0,
	 "Every process in this container, pod, systemd unit or machine, by the beginning of its id or name; also when "
	 "it is started again; repeatable",
	 1},
	{"all", 'a', NULL, 0, "Every Python process on this host", 1},
	{"subprocesses", 's', NULL, 0, "With --pid or a command: its children too, from their birth", 1},
	{NULL, 0, NULL, 0, "How:", 2},
	{"event", KEY_EVENT, &(EVENT_WORDS)[1], 0,
	 "What a sample is taken at: one, or several with commas between them (default cpu)", 2},
	{"wall", KEY_WALL, NULL, 0, "All of a thread's time: on a CPU, and what it waits for (--event cpu,offcpu,gil)",
	 2},
	{"rate", 'r', "HZ", 0, "Samples per second on each CPU: 99, 1khz (default 100)", 2},
	{"scope", KEY_SCOPE, "cpu|cgroup", 0,
	 "With --cgroup or --container: timers on every CPU (cpu, default), or timers that run only with the cgroup, "
	 "cheaper for others when it rarely sleeps",
	 2},
	{"native", 'n', "all", OPTION_ARG_OPTIONAL,
	 "Functions of C code, too, where Python called them, and the kernel's; with =all also the interpreter's own "
	 "between Python functions (x86-64, Linux 5.17)",
	 2},
	{"no-kernel", KEY_NO_KERNEL, NULL, 0, "With --native: without the kernel's functions", 2},
	{"max-frames", KEY_MAX_FRAMES, "N", 0, "Deepest stack that is kept whole (default and most: 1024)", 2},
	{"max-processes", KEY_MAX_PROCESSES, "N", OPTION_HIDDEN, "Size of the table of processes", 2},
	{"max-code", KEY_MAX_CODE, "BYTES", OPTION_HIDDEN, "What is kept of code objects", 2},
	{"btf", KEY_BTF, "FILE", 0,
	 "Type information (BTF) of this kernel, where it shows none itself: a BTF file, or a vmlinux that has it", 2},
	{"as-old-kernel", KEY_OLD_KERNEL, NULL, OPTION_HIDDEN, "Use nothing that Linux 5.10 lacks", 2},
	{"without-task-work", KEY_NO_TASK_WORK, NULL, OPTION_HIDDEN, "Do not use task work (Linux 6.18)", 2},
	{0},
};

#undef X

bool target_is_pids(const char *word)
{
	return *word && !word[strspn(word, "0123456789,")];
}

void target_parse_pids(struct argp_state *state, const char *arg, uint32_t **pids, size_t *cnt)
{
	__cleanup_free char *near = NULL;
	const char *why = "";

	if (!units_parse_pids(arg, pids, cnt, &why))
		return;
	if (*arg && !isdigit((unsigned char)*arg) && *arg != '-')
		near = suggest_for_name(arg);
	argp_error(state, "--pid %s: %s%s%s", arg, why, near ? ". " : "", near ? near : "");
}

uint64_t target_parse_time(struct argp_state *state, const char *option, const char *arg)
{
	const char *why = "";
	uint64_t ns = 0;

	if (units_parse_duration(arg, &ns, &why))
		argp_error(state, "%s %s: %s; write for example 10s, 5m or 1h30m", option, arg, why);
	if (!ns)
		argp_error(state, "%s %s: must be more than 0", option, arg);
	return ns;
}

uint64_t target_parse_duration(struct argp_state *state, const char *arg)
{
	return strcmp(arg, "unlimited") ? target_parse_time(state, "--duration", arg) : 0;
}

static void add_event(struct target_options *o, const struct source *s)
{
	for (size_t i = 0; i < o->event_cnt; i++)
		if (o->events[i] == s)
			return;
	o->events[o->event_cnt++] = s;
}

/* "cpu,offcpu" */
static void parse_events(struct target_options *o, const char *arg, struct argp_state *state)
{
	__cleanup_free char *list = xstrdup(arg);
	const char *names[ABI_SOURCE_CNT + 1] = {0};
	char *rest = list, *word;

	for (size_t i = 0; i < ABI_SOURCE_CNT; i++)
		names[i] = sources[i]->name;
	while ((word = strsep(&rest, ",")))
		add_event(o, sources[choice_parse(state, "--event", word, names)]);
}

static void parse_scope(struct target_options *o, const char *arg, struct argp_state *state)
{
	static const char *const scopes[] = {"cpu", "cgroup", NULL};

	o->scoped = choice_parse(state, "--scope", arg, scopes) == 1;
}

static void parse_native(struct target_options *o, const char *arg, struct argp_state *state)
{
	if (arg && strcmp(arg, "all"))
		argp_error(state, "--native=%s: only =all is known", arg);
	o->native = true;
	o->native_all |= arg != NULL;
}

static void parse_rate(struct target_options *o, const char *arg, struct argp_state *state)
{
	const char *why = "";

	if (units_parse_rate(arg, &o->rate_hz, &why))
		argp_error(state, "--rate %s: %s; write for example 99, 999hz or 1khz", arg, why);
	if (o->rate_hz > RATE_MAX)
		argp_error(state, "--rate %s: at most %.0f Hz; beyond it the timers alone would take the CPUs", arg,
			   RATE_MAX);
	if (o->rate_hz < 0.1)
		argp_error(state, "--rate %s: at least 0.1 Hz", arg);
}

static bool is_program(const char *word)
{
	__cleanup_free char *file = in_path_find(word);

	return file;
}

static void refuse_word(const struct target_options *o, const char *word, struct argp_state *state)
{
	bool is_file = !access(word, F_OK);
	size_t len = strlen(word);

	if (is_file && len > 3 && !strcmp(word + len - 3, ".py"))
		argp_error(state, "%s: write the interpreter, too: -- python3 %s", word, word);
	else if (o->reads_files && is_file)
		argp_error(state, "%s: a file is given with --input: --input %s", word, word);
	else
		argp_error(state, "%s is neither a process nor a program: give --pid PID, or a command behind `--`",
			   word);
}

/* A number is a process, and a program begins the command. Behind `--` anything does. */
static void parse_word(struct target_options *o, struct argp_state *state)
{
	char *word = state->argv[--state->next];

	if (state->next > 1 && !strcmp(state->argv[state->next - 1], "--")) {
		o->command = &state->argv[state->next];
	} else if (target_is_pids(word)) {
		target_parse_pids(state, word, &o->pids, &o->pid_cnt);
		state->next++;
		return;
	} else if (is_program(word)) {
		o->command = &state->argv[state->next];
	} else {
		refuse_word(o, word, state);
	}
	state->next = state->argc;
}

static void append(const char ***words, size_t *cnt, const char *word)
{
	*words = xrealloc(*words, (*cnt + 1) * sizeof(**words));
	(*words)[(*cnt)++] = word;
}

static void add_cgroup(struct target_options *o, const char *path, struct argp_state *state)
{
	if (!*path) /* an unset variable, rather than the root */
		argp_error(state, "--cgroup: the path is empty; / is the root, with every process in it");
	append(&o->cgroups, &o->cgroup_cnt, path);
}

void target_parse_container(struct argp_state *state, const char *arg, const char ***containers, size_t *cnt)
{
	if (!*arg)
		argp_error(state, "--container: the name is empty; --all is every process");
	append(containers, cnt, arg);
}

static void check(struct target_options *o, struct argp_state *state)
{
	int kinds = (o->pid_cnt > 0) + target_options__by_cgroup(o) + o->all + (o->command != NULL);

	if (kinds == 0 && !o->optional)
		argp_error(state, "no target: give --pid PID, --container NAME, --cgroup PATH, --all or a command: -- "
				  "python3 app.py");
	if (kinds > 1)
		argp_error(state, "give one of --pid, --cgroup (or --container), --all and a command, not several");
	if (o->subprocesses && (target_options__by_cgroup(o) || o->all))
		log_verbose("--subprocesses changes nothing here: every process is included anyway");
	if (o->scoped && !target_options__by_cgroup(o))
		argp_error(state, "--scope cgroup goes with --cgroup and --container");
	if (o->no_kernel && !o->native)
		argp_error(state, "--no-kernel goes with --native");
	if (!o->max_frames || o->max_frames > ABI_MAX_FRAMES)
		argp_error(state, "--max-frames: from 1 to %d", ABI_MAX_FRAMES);
}

static void warn_of_throttling(const struct target_options *o)
{
	uint64_t limit = perf_max_rate();

	if (limit && o->rate_hz > (double)limit)
		log_warn("the kernel allows %llu samples per second (kernel.perf_event_max_sample_rate); more will be "
			 "throttled",
			 (unsigned long long)limit);
}

/* "python3 app.py", "python3 -m pytest": the interpreter alone would not tell profiles apart. */
static char *describe_command(char *const *argv)
{
	const char *program = basename(argv[0]);
	size_t i = 1;

	if (strncmp(program, "python", strlen("python")))
		return xstrdup(program);
	while (argv[i] && argv[i][0] == '-' && strcmp(argv[i], "-m") && strcmp(argv[i], "-c") && strcmp(argv[i], "-"))
		i += (!strcmp(argv[i], "-W") || !strcmp(argv[i], "-X")) && argv[i + 1] ? 2 : 1;
	if (!argv[i] || !strcmp(argv[i], "-c") || !strcmp(argv[i], "-"))
		return xstrdup(program);
	if (!strcmp(argv[i], "-m") && argv[i + 1])
		return xasprintf("%s -m %s", program, argv[i + 1]);
	return xasprintf("%s %s", program, *basename(argv[i]) ? basename(argv[i]) : argv[i]);
}

static char *describe_cgroups(const struct target_options *o)
{
	const char *kind = o->container_cnt ? "container" : "cgroup";
	const char *first = o->container_cnt ? o->containers[0] : o->cgroups[0];
	size_t more = o->cgroup_cnt + o->container_cnt - 1;

	return more ? xasprintf("%s %s and %zu more", kind, first, more) : xasprintf("%s %s", kind, first);
}

/* The target in few words. */
static char *describe_target(const struct target_options *o)
{
	if (o->pid_cnt)
		return o->pid_cnt == 1 ? xasprintf("pid %u", o->pids[0])
				       : xasprintf("pid %u and %zu more", o->pids[0], o->pid_cnt - 1);
	if (target_options__by_cgroup(o))
		return describe_cgroups(o);
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
	case KEY_EVENT:
		parse_events(o, arg, state);
		return 0;
	case KEY_WALL:
		o->wall = true;
		for (const struct source *const *s = wall_sources; *s; s++)
			add_event(o, *s);
		return 0;
	case 'n':
		parse_native(o, arg, state);
		return 0;
	case KEY_NO_KERNEL:
		o->no_kernel = true;
		return 0;
	case KEY_SCOPE:
		parse_scope(o, arg, state);
		return 0;
	case KEY_MAX_FRAMES:
		if (units_parse_count(arg, &o->max_frames, &why))
			argp_error(state, "--max-frames %s: %s", arg, why);
		return 0;
	case KEY_MAX_PROCESSES:
		if (units_parse_count(arg, &o->max_processes, &why))
			argp_error(state, "--max-processes %s: %s", arg, why);
		return 0;
	case KEY_MAX_CODE:
		if (units_parse_count(arg, &o->max_code, &why))
			argp_error(state, "--max-code %s: %s", arg, why);
		return 0;
	case KEY_NO_TASK_WORK:
		o->no_task_work = true;
		return 0;
	case KEY_OLD_KERNEL:
		o->old_kernel = true;
		return 0;
	case KEY_BTF:
		o->btf = arg;
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
		o->rate_hz = o->default_rate_hz ? o->default_rate_hz : 100;
		o->max_frames = ABI_MAX_FRAMES;
		return 0;
	case 'p':
		target_parse_pids(state, arg, &o->pids, &o->pid_cnt);
		return 0;
	case KEY_CGROUP:
		add_cgroup(o, arg, state);
		return 0;
	case KEY_CONTAINER:
		target_parse_container(state, arg, &o->containers, &o->container_cnt);
		return 0;
	case 'a':
		o->all = true;
		return 0;
	case 's':
		o->subprocesses = true;
		return 0;
	case ARGP_KEY_ARG:
		parse_word(o, state);
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
	s->target = target_options__by_cgroup(o) ? SESSION_CGROUPS : o->all ? SESSION_ALL : SESSION_PIDS;
	s->pids = o->pids;
	s->pid_cnt = o->pid_cnt;
	s->tree = o->subprocesses;
	s->cgroups = o->cgroups;
	s->cgroup_cnt = o->cgroup_cnt;
	s->containers = o->containers;
	s->container_cnt = o->container_cnt;
	s->scoped = o->scoped;
	s->events = o->events;
	s->event_cnt = o->event_cnt;
	s->rate_hz = o->rate_hz;
	s->max_frames = (uint32_t)o->max_frames;
	s->native = o->native;
	s->native_all = o->native_all;
	s->no_kernel = o->no_kernel;
	s->no_task_work = o->no_task_work;
	s->old_kernel = o->old_kernel;
	s->btf = o->btf;
	s->max_processes = (uint32_t)o->max_processes;
	s->code_bytes = o->max_code;
	s->allow_no_python = o->command != NULL;
	s->target_text = o->text;
}

char *target_options__file_text(const struct target_options *o)
{
	const char *last = o->cgroup_cnt ? strrchr(o->cgroups[0], '/') : NULL;
	char *text = o->command         ? xstrdup(o->text)
		     : o->pid_cnt       ? xasprintf("%u", o->pids[0])
		     : o->container_cnt ? xstrdup(o->containers[0])
		     : o->cgroup_cnt    ? xstrdup(last && last[1] ? last + 1 : o->cgroups[0])
					: xstrdup(o->all ? "all" : "");

	for (char *p = text; *p; p++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._", *p))
			*p = '_';
	return text;
}

void target_options__free(struct target_options *o)
{
	free(o->pids);
	free(o->cgroups);
	free(o->containers);
	free(o->text);
}
