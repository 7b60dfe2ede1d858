/*
 * Threads come and go while this looks. Up to 3.11 a thread's state is made by its creator and carries the
 * creator's number until the thread itself runs (Modules/_threadmodule.c: thread_PyThread_start_new_thread(),
 * thread_run(); Python/pystate.c: new_threadstate()); from 3.12 on it has none until then. The memory of a state,
 * and the ident of a thread that has ended, soon are another thread's. So a state counts only when it still was
 * the same thread's after its stack was read, and what did not hold is read again from a new list.
 *
 * Names are found by ident. They are read between the list and the stacks: a thread that is in the list, and still
 * there when its stack is read, was the one with this ident in the meantime.
 */
#include "user/snapshot/threads.h"
#include "user/snapshot/names.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <errno.h>
#include <string.h>

#define MAX_ROUNDS 6

struct addresses {
	uint64_t *items;
	size_t cnt, cap;
};

struct roll {
	struct snapshot *s;
	struct stack_reader *r;
	uint64_t runtime_addr;
	struct py_tstates tstates;
	struct task *tasks;
	size_t task_cnt;
	struct thread_names names;
	struct addresses late; /* states to be read in another round */
};

/* ---- names ------------------------------------------------------------------------------------------- */

static void read_names(struct roll *k)
{
	names_read(&k->names, k->r, k->runtime_addr);
}

static bool is_alive(const struct snapshot *s, const struct snapshot_thread *t)
{
	struct task_state now;

	return t->tid && !task_state(s->pid, t->tid, &now);
}

/* A thread that has only just begun enters itself in threading._active a moment later. */
static void name_the_rest(struct roll *k)
{
	struct snapshot *s = k->s;
	bool read = false;

	for (size_t i = 0; i < s->thread_cnt; i++) {
		struct snapshot_thread *t = &s->threads[i];
		const struct task task = {.tid = t->tid, .inner_tid = t->inner_tid};
		const char *name;

		if (t->named)
			continue;
		if (!read)
			read_names(k);
		read = true;
		name = is_alive(s, t) ? names_find(&k->names, t->ident, &task, s->pid) : NULL;
		if (!name)
			continue;
		free(t->name);
		t->name = xstrdup(name);
	}
}

/* ---- lists ------------------------------------------------------------------------------------------- */

/* Threads first: whoever is in their list has a task, or has ended since. */
static int list_threads(struct roll *k)
{
	struct memory *memory = k->r->memory;
	int err;

	free(k->tstates.items);
	free(k->tasks);
	k->tasks = NULL;
	k->task_cnt = 0;
	err = py_tstates_read(k->r->build, k->runtime_addr, memory_read, memory, &k->tstates);
	if (memory->refused)
		return -EPERM;
	k->s->list_unsure |= err == -EAGAIN;
	if (err && err != -EAGAIN) {
		log_error("process %d: its interpreter %s", k->s->pid,
			  err == -ESRCH ? "has not started yet, or has ended" : "could not be read");
		return -ENODATA;
	}
	err = tasks_list(k->s->pid, &k->tasks, &k->task_cnt);
	read_names(k);
	return err;
}

static const struct task *find_task(const struct roll *k, uint32_t inner_tid)
{
	for (size_t i = 0; i < k->task_cnt; i++)
		if (inner_tid && (uint32_t)k->tasks[i].inner_tid == inner_tid)
			return &k->tasks[i];
	return NULL;
}

/* ---- one thread -------------------------------------------------------------------------------------- */

/* Behind the other stacks of the same thread, which may run in several interpreters. */
static void insert(struct snapshot *s, const struct snapshot_thread *t)
{
	size_t at = s->thread_cnt;

	while (at && s->threads[at - 1].ident != t->ident)
		at--;
	at = at ? at : s->thread_cnt;
	s->threads = xrealloc(s->threads, (s->thread_cnt + 1) * sizeof(*s->threads));
	memmove(&s->threads[at + 1], &s->threads[at], (s->thread_cnt - at) * sizeof(*t));
	s->threads[at] = *t;
	s->thread_cnt++;
}

/* Without frames and beside another state of the same thread: made for a thread that has not begun. */
static bool is_unborn(const struct snapshot *s, const struct snapshot_thread *t)
{
	if (t->outcome != ABI_NO_FRAME)
		return false;
	for (size_t i = 0; i < s->thread_cnt; i++)
		if (s->threads[i].ident == t->ident && s->threads[i].interp_id == t->interp_id)
			return true;
	return false;
}

/* False: not to be had now, but perhaps in another round. */
static bool add_thread(struct roll *k, const struct py_tstate *ts, bool last)
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
	const char *name = names_find(&k->names, ts->ident, task, k->s->pid);
	int err;

	if (!ts->ident || (!task && !last))
		return false;
	s->several_interps |= ts->interp_id != 0;
	err = stack_read(k->r, ts, &t);
	s->list_unsure |= err == -EAGAIN && last;
	if (err)
		return err != -EAGAIN; /* or else it has ended */
	if (is_unborn(s, &t)) {
		stack_free(&t);
		return false;
	}
	t.named = name;
	t.name = xstrdup(name ? name : names_default(&k->names, task, s->pid));
	insert(s, &t);
	return true;
}

static bool is_late(const struct addresses *late, uint64_t addr)
{
	for (size_t i = 0; i < late->cnt; i++)
		if (late->items[i] == addr)
			return true;
	return false;
}

/* In the first round all of them, then those that were late in the one before. */
static void read_round(struct roll *k, unsigned round)
{
	struct addresses before = k->late;

	k->late = (struct addresses){0};
	for (size_t i = 0; i < k->tstates.cnt; i++) {
		const struct py_tstate *ts = &k->tstates.items[i];

		if ((round && !is_late(&before, ts->addr)) || add_thread(k, ts, round == MAX_ROUNDS - 1))
			continue;
		xgrow(k->late.items, k->late.cnt, k->late.cap);
		k->late.items[k->late.cnt++] = ts->addr;
	}
	free(before.items);
}

static int read_rounds(struct roll *k)
{
	int err = list_threads(k);

	for (unsigned round = 0; !err; round++) {
		read_round(k, round);
		if (!k->late.cnt || round == MAX_ROUNDS - 1)
			break;
		hold_rest(&k->r->hold, 5 * (round + 1));
		err = list_threads(k);
	}
	return err;
}

/* ---- all of them ------------------------------------------------------------------------------------- */

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

static void list_native(struct roll *k)
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

int threads_read(struct snapshot *s, struct stack_reader *r, uint64_t runtime_addr)
{
	struct roll k = {.s = s, .r = r, .runtime_addr = runtime_addr};
	int err = read_rounds(&k);

	if (!err) {
		drop_idle_doubles(s);
		find_gil_moved(s);
		list_native(&k);
		name_the_rest(&k);
	}
	names_forget(&k.names);
	free(k.late.items);
	free(k.tstates.items);
	free(k.tasks);
	return err;
}
