/* SPDX-License-Identifier: MIT */
/* `dump`: the stack of every thread of a process, read from outside, without BPF and without stopping it. */
#include "user/cmd/dump.h"
#include "user/cmd/cmd.h"
#include "user/cmd/exit_status.h"
#include "user/cmd/messages.h"
#include "user/cmd/pyspy_compat.h"
#include "user/cmd/target_options.h"
#include "user/cmd/usage.h"
#include "user/inspect/native_stack.h"
#include "user/inspect/sources.h"
#include "user/os/output.h"
#include "user/os/privileges.h"
#include "user/os/procfs.h"
#include "user/os/worker.h"
#include "user/target/container_choice.h"
#include "user/target/suggest.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include "user/util/units.h"
#include <argp.h>
#include <errno.h>
#include <string.h>

#define MAX_LOCALS 64    /* times -l */
#define STALL_MS   2000  /* of a process that does not answer */
#define TOTAL_MS   60000 /* thousands of threads, some of which never hold still */

enum { KEY_NOLINENO = 0x6000, KEY_FULL_FILENAMES, KEY_CONTAINER };

struct args {
	uint32_t *pids;
	const char **containers;
	size_t pid_cnt, container_cnt;
	bool subprocesses, json;
	struct inspect_options options;
	struct dump_style style;
};

static const struct argp_option options[] = {
	{"pid", 'p', "PID[,PID...]", 0, "These processes; repeatable", 1},
	{"container", KEY_CONTAINER, "CONTAINER", 0,
	 "The Python processes of this container, pod, systemd unit or machine, by the beginning of its id or name; "
	 "repeatable",
	 1},
	{"subprocesses", 's', NULL, 0, "Their Python children too", 1},
	{"locals", 'l', NULL, 0, "Arguments and local variables; each -l allows 128 more characters of each", 2},
	{"json", 'j', NULL, 0, "Everything as JSON, for programs (the man page describes it)", 2},
	{"nolineno", KEY_NOLINENO, NULL, 0, "Without line numbers", 2},
	{"full-filenames", KEY_FULL_FILENAMES, NULL, 0, "Whole paths of source files", 2},
	{"native", 'n', "all", OPTION_ARG_OPTIONAL,
	 "Functions of C, C++ and Rust, too, of threads that do not run; =all: also those of the interpreter between "
	 "Python's",
	 2},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case 'p':
		target_parse_pids(state, arg, &a->pids, &a->pid_cnt);
		return 0;
	case KEY_CONTAINER:
		target_parse_container(state, arg, &a->containers, &a->container_cnt);
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
	case 'n':
		if (!native_stack_is_known())
			argp_error(state, "--native: only x86-64 is known yet; leave it out");
		if (arg && strcmp(arg, "all") != 0)
			argp_error(state, "--native=%s: only =all is known", arg);
		a->options.native = a->style.native = true;
		a->options.native_all |= arg != NULL;
		return 0;
	case ARGP_KEY_ARG:
		target_parse_pids(state, arg, &a->pids, &a->pid_cnt);
		return 0;
	case ARGP_KEY_END:
		if (!a->pid_cnt && !a->container_cnt)
			argp_error(state, "no process: give --pid PID or --container NAME");
		if (a->pid_cnt && a->container_cnt)
			argp_error(state, "give one of --pid and --container, not both");
		a->options.may_lack_python |= a->container_cnt > 0;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {{&messages_options, 0, NULL, 0}, {&pyspy_compat, 0, NULL, 0}, {0}};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "Show where every thread and every asyncio task of a Python process is now, sleeping ones too.\vThe "
	       "process is not stopped and "
	       "nothing runs in it; it may be stopped already, or hang. Each stack is of one moment: a thread that ran "
	       "while it was read is read again. One that runs all the time is marked \"not sure\": several readings "
	       "of it were alike. With --native, threads that do not run also have the C functions that Python called, "
	       "and "
	       "there are those "
	       "that Python knows nothing of. A thread that waits for an RLock, for a module that another one imports "
	       "or for the GIL "
	       "says who has it, and threads that wait for each other for ever are named as a deadlock; of a plain "
	       "Lock nobody knows who has it. Of each event loop of asyncio (Python 3.8 and newer, uvloop too) it "
	       "shows the "
	       "tasks that are not done: whether they run or what they wait for, the coroutines that they are in, and "
	       "which tasks wait for them. Privileges as for a debugger: root, CAP_SYS_PTRACE, or a process of your "
	       "own where "
	       "kernel.yama.ptrace_scope is 0. No BPF is needed.\n\n"
	       "Exit status: 0 ok, 1 failed, 2 usage, 3 not permitted, 5 no such process or no Python in it.",
	.children = children,
};

/* ---- one process after the other --------------------------------------------------------------------- */

struct dumping {
	const struct args *a;
	struct interpreters *known;
	FILE *out;
	size_t shown;
	int status;
};

struct dump_task {
	const struct args *a; /* the same in the worker, which is forked later */
	pid_t pid;
};

/* The head of the worker's reply; the text of the stacks and the names of their files follow. */
struct dump_head {
	size_t text_len, names_len;
};

static void put_dump(const struct dump_task *t, const struct inspection *s, struct buf *reply)
{
	struct dump_head head = {0};
	struct buf names = {0};
	char *text = NULL;
	FILE *out = open_memstream(&text, &head.text_len);

	if (t->a->json)
		dump_json(out, s, &t->a->style);
	else
		dump_text(out, s, &t->a->style);
	fclose(out);
	sources_list(s, &names);
	head.names_len = names.len;
	buf_put(reply, &head, sizeof(head));
	buf_put(reply, text, head.text_len);
	buf_put(reply, names.data, names.len);
	buf_free(&names);
	free(text);
}

/* In the worker: the process may have its memory in a file system that does not answer. */
static int dump_aside(const void *arg, struct buf *reply)
{
	static struct interpreters *known;
	const struct dump_task *t = arg;
	struct inspection *s;
	int err;

	if (!known)
		known = interpreters__new(NULL, NULL);
	err = inspect_process(known, t->pid, &t->a->options, &s);
	if (err)
		return err;
	put_dump(t, s, reply);
	inspection__free(s);
	return 0;
}

static void show(struct dumping *d, pid_t pid, const struct dump_head *head, const char *text)
{
	struct buf changed = {0};

	sources_find_changed(pid, text + head->text_len, head->names_len, &changed);
	if (d->shown++)
		fputs(d->a->json ? "," : "\n", d->out);
	fwrite(text, 1, head->text_len, d->out);
	if (d->a->json)
		dump_json_changed(d->out, changed.data, changed.len);
	else
		dump_text_changed(d->out, changed.data, changed.len);
	buf_free(&changed);
}

static int dump_one(struct dumping *d, pid_t pid)
{
	const struct dump_task t = {d->a, pid};
	const struct worker_task task = {
		.pid = pid, .fn = dump_aside, .arg = &t, .len = sizeof(t), .stall_ms = STALL_MS, .total_ms = TOTAL_MS};
	struct buf reply = {0};
	struct dump_head head;
	int err = worker_call(&task, &reply);

	if (!err) {
		memcpy(&head, reply.data, sizeof(head));
		show(d, pid, &head, reply.data + sizeof(head));
	}
	buf_free(&reply);
	return err;
}

static void keep_status(struct dumping *d, int err)
{
	if (!d->status)
		d->status = exit_status(err == -ENODATA ? -ENOENT : err);
}

/* A child without Python, or one that ended meanwhile, is no failure. */
static void dump_child(void *ctx, pid_t pid)
{
	struct dumping *d = ctx;
	int err = dump_one(d, pid);

	if (err && err != -ENOENT && err != -ESRCH)
		keep_status(d, err);
}

static void hint_at_children(struct dumping *d, pid_t pid)
{
	size_t cnt = interpreters__children(d->known, pid);

	if (cnt)
		log_info("process %d has %zu Python subprocess%s; --subprocesses shows them too", pid, cnt,
			 cnt == 1 ? "" : "es");
}

static void dump_pid(struct dumping *d, pid_t pid)
{
	pid_t tgid = procfs_tgid(pid);
	size_t before = d->shown;
	int err;

	if (!tgid) {
		suggest_log_no_process(pid);
		keep_status(d, -ESRCH);
		return;
	}
	if (tgid != pid)
		log_warn("%d is a thread of process %d, which is shown as a whole", pid, tgid);
	err = dump_one(d, tgid);
	if (d->a->subprocesses)
		procfs_descendants(tgid, dump_child, d);
	else if (d->a->pid_cnt == 1)
		hint_at_children(d, tgid);
	if (err == -ENOENT && d->a->subprocesses && d->shown > before)
		return; /* a shell script around Python */
	if ((err == -ENOENT || err == -ESRCH) && d->a->subprocesses)
		log_error("no Python in process %d, nor in its children", tgid);
	if (err)
		keep_status(d, err);
}

static void dump_container(struct dumping *d, struct containers *all, const char *name)
{
	struct container_choice *choice;
	size_t before = d->shown;
	int err = container_choice__find(all, name, &choice);

	if (err) {
		keep_status(d, err);
		return;
	}
	container_choice__each_process(choice, all, dump_child, d);
	if (d->shown == before && !d->status) {
		log_error("no Python in %s", container_choice__text(choice));
		keep_status(d, -ENOENT);
	}
	container_choice__free(choice);
}

static void dump_containers(struct dumping *d)
{
	struct containers *all = containers__new("");

	for (size_t i = 0; i < d->a->container_cnt; i++)
		dump_container(d, all, d->a->containers[i]);
	containers__free(all);
}

static int run(int argc, char **argv)
{
	struct args a = {0};
	struct dumping d = {.a = &a};
	struct output *file;
	int err;

	usage_parse(&argp, argc, argv, 0, &a);
	privileges_keep_only(PRIVILEGES_LOOK);
	file = output__open("-");
	d.out = output__stream(file);
	d.known = interpreters__new(NULL, NULL);
	if (a.json)
		dump_json_begin(d.out);
	for (size_t i = 0; i < a.pid_cnt; i++)
		dump_pid(&d, (pid_t)a.pids[i]);
	dump_containers(&d);
	if (a.json)
		dump_json_end(d.out);
	err = output__commit(file);
	interpreters__free(d.known);
	free(a.pids);
	free(a.containers);
	if (err && err != -EPIPE)
		return CMD_FAILED;
	return d.status;
}

const struct cmd cmd_dump = {
	.name = "dump",
	.args = "--pid PID | --container CONTAINER",
	.summary = "where each thread of a process is now, with locals; needs no BPF",
	.examples = {{"sudo pybpfprof dump --pid 4242", "where each thread of a process is now"},
		     {"sudo pybpfprof dump --pid 4242 --subprocesses -ll", "its children too, with local variables"},
		     {"sudo pybpfprof dump --pid 4242 --native", "with the C functions that Python called"},
		     {"sudo pybpfprof dump --pid 4242 --json | jq '.processes[].threads[] | select(.owns_gil)'",
		      "for programs"}},
	.argp = &argp,
	.run = run,
};
