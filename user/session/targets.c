/* SPDX-License-Identifier: MIT */
#include "user/session/targets.h"
#include "pybpfprof.skel.h"
#include "user/os/cgroup.h"
#include "user/os/procfs.h"
#include "user/os/worker.h"
#include "user/target/asyncio_file.h"
#include "user/target/explain.h"
#include "user/target/suggest.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define LOOK_MAX_NS      100000000ull  /* of CPU time, between two breaths; the kernel side asks again */
#define START_MAX_NS     1000000000ull /* of CPU time; it asks about the others when it meets them */
#define LOOK_REST_MAX    30000000000ull
#define ASYNCIO_REST_MIN 100000000ull /* between two looks for asyncio, each time twice as long */
#define ASYNCIO_REST_MAX 30000000000ull
#define LOOK_REST        200 /* times as long as a search took: half a per cent of a core for one process */

struct targets {
	struct pybpfprof_bpf *skel;
	const struct session_options *o;
	struct interpreters *interpreters;
	struct processes *processes;
	size_t python, unsupported, others, not_permitted; /* of those found at the start */
	bool chosen;                                       /* entries made now are targets by pid */
	uint32_t images;                                   /* that got their numbers here */
	int64_t boottime_ns;                               /* the kernel side's less that of /proc */
	pid_t *without;                                    /* those chosen that hold no Python */
	size_t without_cnt;
	uint64_t children_ns; /* CPU time of the chosen one's children before it was recorded */
	uint64_t spent_ns;    /* on looking, since the last breath */
};

/* A new interpreter: its layout goes to the kernel side. */
static void upload(void *ctx, const struct interpreter *i)
{
	struct targets *t = ctx;

	if (i->layout_id != ABI_LAYOUT_UNSUPPORTED)
		bpf_map__update_elem(t->skel->maps.layouts, &i->layout_id, sizeof(i->layout_id), &i->build.layout,
				     sizeof(i->build.layout), BPF_ANY);
}

/* Every later process of this program is then recognised in the kernel, at its first tick. */
static void teach_program(struct targets *t, pid_t pid, const struct abi_file *file, const struct interpreter *i)
{
	struct abi_program program, known;

	if (!file->inode)
		return;
	/* The same program may come with another library. */
	if (!bpf_map__lookup_elem(t->skel->maps.programs, file, sizeof(*file), &known, sizeof(known), 0) &&
	    known.layout_id == i->layout_id && known.runtime_vaddr == i->build.runtime_vaddr)
		return;
	if (interpreters__program(pid, i, &program))
		return;
	bpf_map__update_elem(t->skel->maps.programs, file, sizeof(*file), &program, sizeof(program), BPF_ANY);
	__atomic_fetch_add(&t->skel->bss->programs_generation, 1, __ATOMIC_RELEASE);
}

/* Till somebody finds one in it. */
static void teach_plain(struct targets *t, const struct abi_file *file)
{
	const struct abi_program program = {.layout_id = ABI_LAYOUT_NONE};

	if (file->inode)
		bpf_map__update_elem(t->skel->maps.programs, file, sizeof(*file), &program, sizeof(program),
				     BPF_NOEXIST);
}

struct targets *targets__new(struct pybpfprof_bpf *skel, const struct session_options *o, int64_t boottime_ns)
{
	struct targets *t = xcalloc(1, sizeof(*t));

	t->skel = skel;
	t->o = o;
	t->boottime_ns = boottime_ns;
	t->processes = processes__new("");
	if (o->identify)
		processes__identify(t->processes);
	t->interpreters = interpreters__new(upload, t);
	return t;
}

void targets__free(struct targets *t)
{
	if (!t)
		return;
	processes__free(t->processes);
	interpreters__free(t->interpreters);
	free(t->without);
	free(t);
}

struct processes *targets__processes(const struct targets *t)
{
	return t->processes;
}

const struct interpreters *targets__interpreters(const struct targets *t)
{
	return t->interpreters;
}

/* Reads /proc for an image that runs already; the kernel side will not announce it again. */
static struct process *describe(struct targets *t, pid_t pid, const struct abi_proc *entry)
{
	struct process *p = processes__get(t->processes, entry->image_id, pid);
	char *command = procfs_command(pid);

	p->ppid = (pid_t)entry->ppid;
	p->parent_image_id = entry->parent_image_id;
	p->start_ns = entry->start_ns - (uint64_t)t->boottime_ns;
	free(p->command);
	p->command = command ? command : xstrdup("");
	free(p->cgroup);
	p->cgroup = procfs_cgroup(pid);
	return p;
}

static void count(struct targets *t, int err, const struct interpreter *found)
{
	if (err == -EPERM)
		t->not_permitted++;
	else if (err)
		t->others++;
	else if (found->layout_id == ABI_LAYOUT_UNSUPPORTED)
		t->unsupported++;
	else
		t->python++;
}

/* The image that it was forked from, as the kernel side tells it of those that are born later; 0: none that is known. */
static uint32_t forked_from(struct targets *t, pid_t pid, pid_t parent)
{
	struct abi_proc of_parent;
	uint32_t tgid = (uint32_t)parent;

	if (!procfs_is_fork_of(pid, parent) ||
	    bpf_map__lookup_elem(t->skel->maps.procs, &tgid, sizeof(tgid), &of_parent, sizeof(of_parent), 0))
		return 0;
	return of_parent.image_id;
}

/* Of CPU time: ours, and the worker's. One that did not come to an end has left none to read. */
static uint64_t cpu_ns(void)
{
	return clock_cpu_ns() + worker_cpu_ns();
}

static void use(void *ctx, struct process *p)
{
	(void)ctx;
	if (p->interp)
		interpreters__use(p->interp);
}

static void forget_unused(struct targets *t)
{
	if (!interpreters__is_crowded(t->interpreters))
		return;
	processes__each(t->processes, use, NULL);
	interpreters__forget(t->interpreters);
}

static int discover(struct targets *t, pid_t pid, const struct interpreter **found, uint64_t *runtime_addr)
{
	uint64_t start = cpu_ns(), start_ns = clock_now_ns(), end;
	int err;

	forget_unused(t);
	err = interpreters__discover(t->interpreters, pid, found, runtime_addr);
	end = cpu_ns();
	t->spent_ns += end > start ? end - start : clock_now_ns() - start_ns;
	return err;
}

void targets__breathe(struct targets *t)
{
	t->spent_ns = 0;
}

static bool is_chosen(const struct targets *t, pid_t pid)
{
	for (size_t i = 0; i < t->o->pid_cnt; i++)
		if ((pid_t)t->o->pids[i] == pid)
			return true;
	return false;
}

/* There is no room for it: its ticks are counted as lost for that. */
static void unlist(struct targets *t, uint32_t tgid)
{
	size_t bytes = ABI_PID_LIMIT / 8;
	uint64_t *words;

	if (!t->o->tree)
		return;
	words = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(t->skel->maps.unlisted), 0);
	if (words == MAP_FAILED)
		return;
	__atomic_fetch_or(&words[tgid / 64], 1ull << tgid % 64, __ATOMIC_RELAXED);
	__atomic_fetch_add(&t->skel->bss->targets_alive, 1, __ATOMIC_RELAXED);
	munmap(words, bytes);
}

/* As the kernel side names it; 0 or negative errno. */
static int read_program(pid_t pid, struct abi_file *out)
{
	struct procfs_file file;
	int err = procfs_program_file(pid, &file);

	if (!err)
		*out = (struct abi_file){.inode = file.inode, .changed_ns = file.changed_ns, .dev = file.dev};
	return err;
}

/* Makes the kernel side's entry of a process that runs already. */
static void add_process(struct targets *t, pid_t pid)
{
	const struct interpreter *found = NULL;
	struct abi_proc entry = {0};
	uint32_t tgid = (uint32_t)pid;
	uint64_t runtime_addr = 0, start_ns;
	struct abi_file program;
	struct process *p;
	pid_t ppid;
	int err, full;

	if (pid == getpid() || (!t->chosen && t->spent_ns > START_MAX_NS) || procfs_stat(pid, &start_ns, &ppid))
		return;
	processes__note(t->processes, pid, start_ns);
	entry.start_ns = start_ns + (uint64_t)t->boottime_ns;
	entry.ppid = (uint32_t)ppid;
	entry.cpu_ns = ABI_UNKNOWN_NS;
	entry.looked_ns = clock_now_ns();
	entry.image_id = ABI_OWN_IMAGES | ++t->images;
	entry.flags = ABI_PROC_MET;
	if (t->chosen)
		entry.flags |= ABI_PROC_TARGET | ABI_PROC_COUNTED | (t->o->tree ? ABI_PROC_TREE : 0);
	err = t->spent_ns > START_MAX_NS && !is_chosen(t, pid) ? -EAGAIN : discover(t, pid, &found, &runtime_addr);
	count(t, err, found);
	if (!err) {
		entry.runtime_addr = runtime_addr;
		entry.layout_id = found->layout_id;
		entry.state = found->layout_id == ABI_LAYOUT_UNSUPPORTED ? ABI_PROC_UNSUPPORTED : ABI_PROC_PYTHON;
		entry.announced = ABI_KNOWN;
		entry.parent_image_id = forked_from(t, pid, ppid);
	} else if (!t->chosen) {
		return; /* the kernel side asks when it meets it */
	}
	t->skel->bss->proc_marks[tgid % ABI_MARKS] = 1;
	full = bpf_map__update_elem(t->skel->maps.procs, &tgid, sizeof(tgid), &entry, sizeof(entry), BPF_NOEXIST);
	if (full == -E2BIG && t->chosen)
		unlist(t, tgid);
	if (full)
		return; /* or it was born into a chosen tree meanwhile, and has a better entry */
	if (t->chosen)
		__atomic_fetch_add(&t->skel->bss->targets_alive, 1, __ATOMIC_RELAXED);
	if (!err && !read_program(pid, &program))
		teach_program(t, pid, &program, found);
	p = describe(t, pid, &entry);
	p->interp = found;
	p->runtime_addr = runtime_addr;
	p->state = entry.state;
}

static void add_one(void *ctx, pid_t pid)
{
	add_process(ctx, pid);
}

static int add_chosen(struct targets *t)
{
	t->chosen = true;
	t->without = xcalloc(t->o->pid_cnt, sizeof(*t->without));
	for (size_t i = 0; i < t->o->pid_cnt; i++) {
		pid_t pid = (pid_t)t->o->pids[i], tgid = procfs_tgid(pid);
		size_t others;

		if (!tgid) {
			suggest_log_no_process(pid);
			return -ESRCH;
		}
		if (tgid != pid)
			log_warn("%d is a thread of process %d, which is profiled as a whole", pid, tgid);
		others = t->others;
		add_process(t, tgid);
		if (t->others != others)
			t->without[t->without_cnt++] = tgid;
		if (t->o->tree)
			procfs_descendants(tgid, add_one, t);
	}
	t->chosen = false;
	return 0;
}

/* ---- those chosen by number --------------------------------------------------------------------------- */

/* Then its descendants are among that one's. */
static bool is_below_chosen(const struct targets *t, pid_t pid)
{
	uint64_t start_ns;

	while (!procfs_stat(pid, &start_ns, &pid) && pid > 1)
		if (is_chosen(t, pid))
			return true;
	return false;
}

struct children {
	const struct targets *t;
	size_t cnt;
};

static void look_at_child(void *ctx, pid_t pid)
{
	struct children *c = ctx;
	const struct interpreter *found = NULL;
	uint64_t addr;

	if (!is_chosen(c->t, pid) && !interpreters__discover(c->t->interpreters, pid, &found, &addr))
		c->cnt++;
}

static size_t python_children(const struct targets *t, pid_t pid)
{
	struct children c = {t, 0};

	procfs_descendants(pid, look_at_child, &c);
	return c.cnt;
}

static void complain_of_access(enum log_level level)
{
	struct explanation why;

	explain_no_access(&why);
	log_write(level, "not permitted to look into %s: %s%s%s",
		  level == LOG_ERROR ? "the target" : "one of the targets", why.what, *why.remedy ? ": " : "",
		  why.remedy);
	explanation_clear(&why);
}

/* Chosen pids must hold something to profile, unless children may yet bring it. */
static int judge_chosen(const struct targets *t)
{
	enum log_level level = t->python ? LOG_WARN : LOG_ERROR;

	if (t->o->tree || t->o->allow_no_python)
		return 0;
	if (!t->python && t->unsupported) {
		log_error("no Python in the target that can be walked");
		return -ENODATA;
	}
	if (t->not_permitted)
		complain_of_access(level);
	for (size_t i = 0; i < t->without_cnt; i++)
		explain_complain(level, t->without[i], python_children(t, t->without[i]));
	if (t->python)
		return 0;
	return t->not_permitted ? -EPERM : -ENOENT;
}

/* Of several, one may be another's child. */
static bool has_one_chosen(const struct targets *t)
{
	return t->o->target == SESSION_PIDS && t->o->pid_cnt == 1 && !t->o->tree;
}

int targets__find_all(struct targets *t, const struct cgroups *groups)
{
	const char *dirs[ABI_MAX_CGROUPS];
	size_t cnt = cgroups__dirs(groups, dirs);
	int err;

	if (t->o->target == SESSION_PIDS) {
		t->children_ns = has_one_chosen(t) ? procfs_children_cpu((pid_t)t->o->pids[0]) : 0;
		err = add_chosen(t);
		return err ? err : judge_chosen(t);
	}
	if (t->o->target == SESSION_ALL)
		return procfs_all(add_one, t);
	for (size_t i = 0; i < cnt; i++)
		cgroup_members(dirs[i], add_one, t);
	return 0;
}

static void send_hint(struct targets *t, uint32_t image_id, const struct abi_hint *hint)
{
	bpf_map__update_elem(t->skel->maps.hints, &image_id, sizeof(image_id), hint, sizeof(*hint), BPF_ANY);
}

/*
 * A process that is not Python is looked at again and again, because it may load one, and its mappings may be very many.
 * -EAGAIN: nothing has changed since the last look, as far as is known. The same for one that seems to have the wrong
 * interpreter.
 */
static int search(struct targets *t, struct process *p, const struct interpreter **found)
{
	uint64_t now = clock_now_ns(), start, rest;
	int err;

	if (now < p->look_ns) {
		*found = p->interp;
		return p->interp ? 0 : -EAGAIN;
	}
	if (t->spent_ns > LOOK_MAX_NS)
		return -ESRCH; /* it is asked for again */
	start = t->spent_ns;
	err = discover(t, p->pid, found, &p->runtime_addr);
	rest = (t->spent_ns - start) * LOOK_REST;
	p->look_ns = now + (rest < LOOK_REST_MAX ? rest : LOOK_REST_MAX);
	return err;
}

void targets__look(struct targets *t, const struct abi_proc_rec *rec)
{
	struct process *p = processes__find(t->processes, rec->image_id);
	const struct interpreter *found = NULL;
	struct abi_hint hint = {.state = ABI_PROC_NOT_PYTHON};
	int err;

	if (!p || rec->state != ABI_PROC_UNKNOWN)
		return;
	err = search(t, p, &found);
	if (err == -ESRCH)
		return;
	if (!err) {
		p->interp = found;
		hint.runtime_addr = p->runtime_addr;
		hint.layout_id = found->layout_id;
		hint.state = found->layout_id == ABI_LAYOUT_UNSUPPORTED ? ABI_PROC_UNSUPPORTED : ABI_PROC_PYTHON;
		teach_program(t, p->pid, &rec->program, found);
	} else {
		teach_plain(t, &rec->program);
	}
	send_hint(t, rec->image_id, &hint);
	p->revision++;
}

/* It may have begun to run yet another one meanwhile. */
static bool runs(pid_t pid, const struct abi_file *program)
{
	struct abi_file now;

	return !read_program(pid, &now) && !memcmp(&now, program, sizeof(now));
}

/* Of a program whose processes end at once none may be there any more when the first of its samples is read. */
void targets__look_at_program(struct targets *t, const struct abi_program_rec *rec)
{
	pid_t pid = (pid_t)rec->hdr.tgid;
	const struct interpreter *found;
	uint64_t runtime_addr;
	int err;

	if (t->spent_ns > LOOK_MAX_NS || !runs(pid, &rec->program))
		return;
	err = discover(t, pid, &found, &runtime_addr);
	if (err && (err != -ENOENT || interpreters__is_linked(pid)))
		return;
	if (!runs(pid, &rec->program))
		return;
	if (err)
		teach_plain(t, &rec->program);
	else
		teach_program(t, pid, &rec->program, found);
}

/* From 3.14 on, where asyncio is in a file of its own. It may be imported at any time; mostly that is soon. */
static void look_for_asyncio(void *ctx, struct process *p)
{
	const struct interpreter *i = p->interp;
	struct targets *t = ctx;
	uint64_t now = clock_now_ns();
	struct py_asyncio_debug debug;

	if (!i || !p->samples || !i->build.supported || !i->build.asyncio || !i->build.asyncio->task_node ||
	    now < p->asyncio_ns)
		return;
	i = interpreters__by_layout(t->interpreters, i->layout_id);
	if (!i || i->build.layout.ts_task_off)
		return;
	asyncio_file_ask(p->pid, &debug);
	interpreters__set_asyncio(t->interpreters, i->layout_id, &debug);
	p->asyncio_rest_ns = p->asyncio_rest_ns ? 2 * p->asyncio_rest_ns : ASYNCIO_REST_MIN;
	if (p->asyncio_rest_ns > ASYNCIO_REST_MAX)
		p->asyncio_rest_ns = ASYNCIO_REST_MAX;
	p->asyncio_ns = now + p->asyncio_rest_ns;
}

void targets__tend(struct targets *t)
{
	processes__each_living(t->processes, look_for_asyncio, t);
}

void targets__gone(struct targets *t, uint32_t image_id)
{
	bpf_map__delete_elem(t->skel->maps.hints, &image_id, sizeof(image_id), 0);
}

size_t targets__children_left_out(const struct targets *t)
{
	size_t cnt = 0;

	if (t->o->target != SESSION_PIDS || t->o->tree)
		return 0;
	for (size_t i = 0; i < t->o->pid_cnt; i++)
		if (!is_below_chosen(t, (pid_t)t->o->pids[i]))
			cnt += python_children(t, (pid_t)t->o->pids[i]);
	return cnt;
}

uint64_t targets__children_cpu(const struct targets *t)
{
	uint64_t now = has_one_chosen(t) ? procfs_children_cpu((pid_t)t->o->pids[0]) : 0;

	return now > t->children_ns ? now - t->children_ns : 0;
}
