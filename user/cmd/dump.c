/* `dump`: where is every thread of a process now? Read from outside, without BPF and without stopping it. */
#include "user/cmd/dump.h"
#include "user/cmd/cmd.h"
#include "user/cmd/exit_status.h"
#include "user/cmd/habits.h"
#include "user/cmd/pids.h"
#include "user/os/output.h"
#include "user/os/procfs.h"
#include "user/target/lookalikes.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include "user/util/units.h"
#include <argp.h>
#include <errno.h>
#include <string.h>

#define MAX_LOCALS   64 /* times -l */
#define MAX_CHILDREN 64 /* that are looked at only to give a hint */

enum { KEY_NOLINENO = 0x6000, KEY_FULL_FILENAMES };

struct args {
	uint32_t *pids;
	size_t pid_cnt;
	bool subprocesses, json;
	struct snapshot_options options;
	struct dump_style style;
};

static const struct argp_option options[] = {
	{"pid", 'p', "PID[,PID...]", 0, "These processes; repeatable", 1},
	{"subprocesses", 's', NULL, 0, "Their Python children too", 1},
	{"locals", 'l', NULL, 0, "Arguments and local variables; each -l allows 128 more characters of each", 2},
	{"json", 'j', NULL, 0, "For programs", 2},
	{"nolineno", KEY_NOLINENO, NULL, 0, "Without line numbers", 2},
	{"full-filenames", KEY_FULL_FILENAMES, NULL, 0, "Whole paths of source files", 2},
	{"quiet", 'q', NULL, 0, "Only warnings and errors", 3},
	{"verbose", 'v', NULL, 0, "Say more; twice: debugging messages", 3},
	{0},
};

static error_t parse_messages(int key)
{
	switch (key) {
	case 'q':
		log_set_level(LOG_WARN);
		return 0;
	case 'v':
		log_say_more();
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case 'p':
		pids_parse(state, arg, &a->pids, &a->pid_cnt);
		return 0;
	case 's':
		a->subprocesses = a->options.may_lack_python = true;
		return 0;
	case 'l':
		if (a->options.locals < MAX_LOCALS)
			a->options.locals++;
		return 0;
	case 'j':
		a->json = true;
		return 0;
	case KEY_NOLINENO:
		a->style.no_lines = true;
		return 0;
	case KEY_FULL_FILENAMES:
		a->style.full_filenames = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "%s: a process is given with --pid: --pid %s", arg,
			   arg[strspn(arg, "0123456789")] ? "PID" : arg);
		return 0;
	case ARGP_KEY_END:
		if (!a->pid_cnt)
			argp_error(state, "dump what? Give --pid PID");
		return 0;
	default:
		return parse_messages(key);
	}
}

static const struct argp_child children[] = {{&dump_habits, 0, NULL, 0}, {0}};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "--pid PID",
	.doc =
		"Show where every thread of a Python process is now, sleeping ones too.\v"
		"The process is not stopped and nothing runs in it; it may be stopped already, or hang. Each stack is of "
		"one moment: the thread is watched while it is read, and read again when it moved. One that never holds "
		"still is marked \"not sure\". Rights as for a debugger: root, CAP_SYS_PTRACE, or a process of your own "
		"where kernel.yama.ptrace_scope is 0. No BPF is needed.\n\n"
		"For example:\n"
		"  pybpfprof dump --pid 4242\n"
		"  pybpfprof dump --pid 4242 --subprocesses -ll\n"
		"  pybpfprof dump --pid 4242 --json | jq '.processes[].threads[] | select(.owns_gil)'\n\n"
		"--json gives one object: schema, and a list processes of {pid, inner_pid (in its container), ppid, "
		"command, executable, python, cgroup, complete, gil_moved, native_threads: [{os_thread_id, thread_name}], changed_sources, "
		"threads: [{pid, thread_id (as threading.get_ident), os_thread_id, inner_thread_id, thread_name, "
		"interpreter_id, state, syscall, uninterruptible, active, owns_gil, waits_for_gil, sure, locals_sure, outcome, "
		"frames (leaf first): [{name, filename, short_filename, module, line, locals: [{addr, name, type, arg, "
		"repr}]}]}]}.\n\n"
		"Exit status: 0 ok, 1 failed, 2 usage, 3 not permitted, 5 no such process or no Python in it.",
	.children = children,
};

/* ---- one process after the other --------------------------------------------------------------------- */

struct dumping {
	const struct args *a;
	struct interpreters *known;
	FILE *out;
	size_t shown, python_children, looked_at;
	pid_t child; /* the first of the Python children that were left out */
	int status;
};

static void ignore(void *ctx, const struct interpreter *i)
{
	(void)ctx;
	(void)i;
}

static int dump_one(struct dumping *d, pid_t pid)
{
	struct snapshot *s;
	int err = snapshot__take(d->known, pid, &d->a->options, &s);

	if (err)
		return err;
	if (d->a->json) {
		dump_json(d->out, s, &d->a->style, !d->shown);
	} else {
		fputs(d->shown ? "\n" : "", d->out);
		dump_text(d->out, s, &d->a->style);
	}
	d->shown++;
	snapshot__free(s);
	return 0;
}

static void keep_status(struct dumping *d, int err)
{
	if (!d->status)
		d->status = exit_status(err == -ENODATA ? -ENOENT : err);
}

/* A child without Python, or one that ended meanwhile, is none of the caller's business. */
static void dump_child(void *ctx, pid_t pid)
{
	struct dumping *d = ctx;
	int err = dump_one(d, pid);

	if (err && err != -ENOENT && err != -ESRCH)
		keep_status(d, err);
}

/* Then it is shown anyway. */
static bool is_asked_for(const struct args *a, pid_t pid)
{
	for (size_t i = 0; i < a->pid_cnt; i++)
		if ((pid_t)a->pids[i] == pid)
			return true;
	return false;
}

static void look_for_python(void *ctx, pid_t pid)
{
	const struct interpreter *interp;
	struct dumping *d = ctx;
	uint64_t runtime_addr;

	if (is_asked_for(d->a, pid) || d->looked_at++ >= MAX_CHILDREN || interpreters__discover(d->known, pid, &interp, &runtime_addr))
		return;
	if (!d->python_children++)
		d->child = pid;
}

static void hint_at_children(struct dumping *d, pid_t pid)
{
	d->python_children = d->looked_at = 0;
	procfs_descendants(pid, look_for_python, d);
	if (d->python_children)
		log_info("process %d has %s%zu Python subprocess%s (%d%s); --subprocesses shows them too", pid,
			 d->looked_at > MAX_CHILDREN ? "at least " : "", d->python_children,
			 d->python_children == 1 ? "" : "es", d->child, d->python_children == 1 ? "" : ", …");
}

static void dump_pid(struct dumping *d, pid_t pid)
{
	pid_t tgid = procfs_tgid(pid);
	size_t before = d->shown;
	int err;

	if (!tgid) {
		lookalikes_complain(pid);
		keep_status(d, -ESRCH);
		return;
	}
	if (tgid != pid)
		log_warn("%d is a thread of process %d, which is shown as a whole", pid, tgid);
	err = dump_one(d, tgid);
	if (d->a->subprocesses)
		procfs_descendants(tgid, dump_child, d);
	else
		hint_at_children(d, tgid);
	if (err == -ENOENT && d->a->subprocesses && d->shown > before)
		return; /* a shell script around Python */
	if ((err == -ENOENT || err == -ESRCH) && d->a->subprocesses)
		log_error("no Python in process %d, nor in its children", tgid);
	if (err)
		keep_status(d, err);
}

static int run(int argc, char **argv)
{
	struct args a = {0};
	struct dumping d = {.a = &a};
	struct output *file;
	int err;

	argp_parse(&argp, argc, argv, 0, NULL, &a);
	file = output__open("-");
	d.out = output__stream(file);
	d.known = interpreters__new(ignore, NULL);
	if (a.json)
		dump_json_begin(d.out);
	for (size_t i = 0; i < a.pid_cnt; i++)
		dump_pid(&d, (pid_t)a.pids[i]);
	if (a.json)
		dump_json_end(d.out);
	err = output__commit(file);
	interpreters__free(d.known);
	free(a.pids);
	if (err && err != -EPIPE)
		return CMD_FAILED;
	return d.status;
}

const struct cmd cmd_dump = {
	.name = "dump",
	.args = "--pid PID",
	.summary = "where every thread of a process is now, with its state and locals; needs no BPF",
	.argp = &argp,
	.run = run,
};
