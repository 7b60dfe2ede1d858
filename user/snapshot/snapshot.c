/* Put together from what each layer below knows: the process, its thread states, its tasks, their stacks. */
#include "user/snapshot/snapshot.h"
#include "user/os/memory.h"
#include "user/os/procfs.h"
#include "user/python/thread_names.h"
#include "user/python/tstates.h"
#include "user/snapshot/sources.h"
#include "user/snapshot/stack.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include "user/util/text.h"
#include <errno.h>
#include <string.h>

#define LOCAL_TEXT_STEP 128 /* bytes of a local's text per -l, as in py-spy */

struct taking {
	struct snapshot *s;
	const struct interpreter *interp;
	uint64_t runtime_addr;
	struct memory memory;
	struct stack_reader reader;
	struct task *tasks;
	size_t task_cnt;
	struct py_tstates tstates;
	const struct snapshot_options *options;
};

/* ---- refusals ---------------------------------------------------------------------------------------- */

static int not_permitted(pid_t pid)
{
	__cleanup_file FILE *f = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
	int scope = 0;

	if (f && fscanf(f, "%d", &scope) == 1 && scope)
		log_error("not permitted to read the memory of process %d: CAP_SYS_PTRACE is missing (run it "
			  "with sudo; for processes of your own `sysctl kernel.yama.ptrace_scope=0` would do)",
			  pid);
	else
		log_error("not permitted to read the memory of process %d: it is another user's, or protected; "
			  "CAP_SYS_PTRACE is missing (run it with sudo)", pid);
	return -EPERM;
}

static int refuse(pid_t pid, int err, bool quiet)
{
	if (err == -EPERM || err == -EACCES)
		return not_permitted(pid);
	if (err == -ESRCH && !quiet)
		log_error("process %d has ended, or is only a kernel thread or a zombie", pid);
	else if (err == -ENOENT && !quiet)
		log_error("no Python in process %d: it has no interpreter mapped. If Python runs in its children, "
			  "add --subprocesses", pid);
	return err;
}

/* ---- the process ------------------------------------------------------------------------------------- */

static char *clean(char *text)
{
	char *out = text_clean(text ? text : "", text ? strlen(text) : 0, 0);

	free(text);
	return out;
}

static int describe(struct taking *k)
{
	struct snapshot *s = k->s;

	if (procfs_stat(s->pid, &s->start_ns, &s->ppid))
		return -ESRCH;
	s->command = clean(procfs_command(s->pid));
	s->cgroup = clean(procfs_cgroup(s->pid));
	s->executable = clean(procfs_program_path(s->pid));
	return 0;
}

static int identify(struct taking *k, struct interpreters *known)
{
	int err = interpreters__discover(known, k->s->pid, &k->interp, &k->runtime_addr);

	if (err)
		return err;
	k->s->version = xstrdup(k->interp->build.version);
	if (k->interp->build.supported)
		return 0;
	log_error("process %d runs Python %s, which cannot be read: %s", k->s->pid,
		  *k->interp->build.version ? k->interp->build.version : "(version unknown)",
		  k->interp->build.why_not);
	return -ENODATA;
}

/* An exec or another process of the same number would make a mixture of what was read. */
static bool is_still_the_same(const struct taking *k, struct interpreters *known)
{
	const struct interpreter *interp;
	uint64_t runtime_addr, start_ns;

	return !procfs_stat(k->s->pid, &start_ns, NULL) && start_ns == k->s->start_ns &&
	       !interpreters__discover(known, k->s->pid, &interp, &runtime_addr) && interp == k->interp &&
	       runtime_addr == k->runtime_addr;
}

/* ---- its threads ------------------------------------------------------------------------------------- */

static const struct task *find_task(const struct taking *k, uint32_t inner_tid)
{
	for (size_t i = 0; i < k->task_cnt; i++)
		if (inner_tid && (uint32_t)k->tasks[i].inner_tid == inner_tid)
			return &k->tasks[i];
	return NULL;
}

static int list_threads(struct taking *k)
{
	int err = py_tstates_read(&k->interp->build, k->runtime_addr, memory_read, &k->memory, &k->tstates);

	if (k->memory.refused)
		return -EPERM;
	k->s->list_unsure = err == -EAGAIN;
	if (err && err != -EAGAIN) {
		log_error("process %d: its interpreter %s", k->s->pid,
			  err == -ESRCH ? "has not started yet, or has ended" : "could not be read");
		return -ENODATA;
	}
	return tasks_list(k->s->pid, &k->tasks, &k->task_cnt);
}

static void name_thread(void *ctx, uint64_t ident, const char *name)
{
	struct snapshot *s = ctx;

	for (size_t i = 0; i < s->thread_cnt; i++) {
		struct snapshot_thread *t = &s->threads[i];

		if (t->ident != ident)
			continue;
		free(t->name);
		t->name = xstrdup(name);
	}
}

/* The leader's Thread object is _MainThread("MainThread") (Lib/threading.py), once there is one. */
static char *first_name(const struct taking *k, const struct task *task)
{
	if (!task)
		return xstrdup("");
	return xstrdup(task->tid == k->s->pid ? "MainThread" : task->name);
}

/* Behind the other stacks of the same thread, which may run in several interpreters. */
static void insert(struct snapshot *s, const struct snapshot_thread *t)
{
	size_t at = s->thread_cnt;

	while (at && s->threads[at - 1].ident != t->ident)
		at--;
	at = at ? at : s->thread_cnt;
	memmove(&s->threads[at + 1], &s->threads[at], (s->thread_cnt - at) * sizeof(*t));
	s->threads[at] = *t;
	s->thread_cnt++;
}

static void add_thread(struct taking *k, const struct py_tstate *ts)
{
	const struct task *task = find_task(k, ts->inner_tid);
	struct snapshot *s = k->s;
	struct snapshot_thread t = {
		.tid = task ? task->tid : 0,
		.inner_tid = task ? task->inner_tid : 0,
		.ident = ts->ident,
		.gil_addr = ts->gil_addr,
		.interp_id = ts->interp_id,
	};

	s->several_interps |= ts->interp_id != 0;
	if (stack_read(&k->reader, ts, &t))
		return; /* it has ended */
	t.name = first_name(k, task);
	insert(s, &t);
}

static void find_gil_moved(struct snapshot *s)
{
	for (size_t i = 0; i < s->thread_cnt; i++)
		for (size_t j = 0; j < i; j++)
			s->gil_moved |= s->threads[i].holds_gil && s->threads[j].holds_gil &&
					s->threads[i].gil_addr == s->threads[j].gil_addr;
}

/* A thread that made a sub-interpreter keeps an idle state in it: not worth a stack of its own. */
static bool is_idle_double(const struct snapshot *s, const struct snapshot_thread *t)
{
	if (t->outcome != ABI_NO_FRAME)
		return false;
	for (size_t i = 0; i < s->thread_cnt; i++)
		if (&s->threads[i] != t && s->threads[i].ident == t->ident &&
		    (s->threads[i].frame_cnt || !s->threads[i].interp_id))
			return true;
	return false;
}

static void drop_idle_doubles(struct snapshot *s)
{
	for (size_t i = s->thread_cnt; i-- > 0;) {
		if (!s->threads[i].interp_id || !is_idle_double(s, &s->threads[i]))
			continue;
		stack_free(&s->threads[i]);
		memmove(&s->threads[i], &s->threads[i + 1], (s->thread_cnt - i - 1) * sizeof(*s->threads));
		s->thread_cnt--;
	}
}

static void list_native(struct taking *k)
{
	struct snapshot *s = k->s;

	s->native = xcalloc(k->task_cnt, sizeof(*s->native));
	for (size_t i = 0; i < k->task_cnt; i++) {
		bool known = false;

		for (size_t j = 0; j < k->tstates.cnt && !known; j++)
			known = (uint32_t)k->tasks[i].inner_tid == k->tstates.items[j].inner_tid;
		if (!known)
			s->native[s->native_cnt++] = k->tasks[i];
		if (k->tasks[i].tid == s->pid)
			s->inner_pid = k->tasks[i].inner_tid;
	}
}

static void read_threads(struct taking *k)
{
	struct snapshot *s = k->s;

	s->threads = xcalloc(k->tstates.cnt + 1, sizeof(*s->threads));
	for (size_t i = 0; i < k->tstates.cnt; i++)
		add_thread(k, &k->tstates.items[i]);
	drop_idle_doubles(s);
	find_gil_moved(s);
	list_native(k);
	memory_look(&k->memory);
	thread_names_read(&k->interp->build, k->runtime_addr, memory_read, &k->memory, name_thread, s);
	memory_look_away(&k->memory);
}

/* ---- all of it --------------------------------------------------------------------------------------- */

static int take(struct taking *k, struct interpreters *known)
{
	struct stack_reader *r = &k->reader;
	int err = describe(k);

	if (!err)
		err = identify(k, known);
	if (!err)
		err = list_threads(k);
	if (err)
		return err;
	r->pid = k->s->pid;
	r->build = &k->interp->build;
	r->options = k->options;
	r->memory = &k->memory;
	r->locals = (struct py_locals_reader){r->build, memory_read, &k->memory,
					      (size_t)k->options->locals * LOCAL_TEXT_STEP};
	r->walker = walker__new(r->build, k->runtime_addr, memory_read, &k->memory);
	hold_open(&r->hold, r->pid);
	read_threads(k);
	walker__free(r->walker);
	sources_find_changed(k->s);
	return is_still_the_same(k, known) ? 0 : -ESRCH;
}

int snapshot__take(struct interpreters *known, pid_t pid, const struct snapshot_options *o,
		   struct snapshot **out)
{
	struct taking k = {.s = xcalloc(1, sizeof(*k.s)), .options = o};
	int err;

	k.s->pid = pid;
	memory_open(&k.memory, pid);
	err = take(&k, known);
	memory_close(&k.memory);
	free(k.tasks);
	free(k.tstates.items);
	if (err) {
		snapshot__free(k.s);
		k.s = NULL;
		if (err != -ENODATA)
			err = refuse(pid, err, o->may_lack_python);
	}
	*out = k.s;
	return err;
}

void snapshot__free(struct snapshot *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->thread_cnt; i++)
		stack_free(&s->threads[i]);
	free(s->threads);
	free(s->native);
	for (size_t i = 0; i < s->changed_cnt; i++)
		free(s->changed[i]);
	free(s->changed);
	free(s->command);
	free(s->cgroup);
	free(s->executable);
	free(s->version);
	free(s);
}
