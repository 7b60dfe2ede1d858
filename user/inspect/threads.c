/* SPDX-License-Identifier: MIT */
/*
 * Threads come and go meanwhile. Up to 3.11 a thread's state is made by its creator and carries the
 * creator's number until the thread itself runs (Modules/_threadmodule.c: thread_PyThread_start_new_thread(),
 * thread_run(); Python/pystate.c: new_threadstate()); from 3.12 on it has none until then. The memory of a state,
 * and the ident of a thread that has ended, soon are another thread's. So a state counts only when it still was
 * the same thread's after its stack was read, and what was not stable is read again from a new list.
 *
 * Names are found by ident. They are read between the list and the stacks: a thread that is in the list, and still
 * there when its stack is read, was the one with this ident in the meantime.
 */
#include "user/inspect/threads.h"
#include "user/inspect/loops.h"
#include "user/inspect/stable_read.h"
#include "user/inspect/waits.h"
#include "user/python/thread_names.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <errno.h>
#include <string.h>

#define MAX_ROUNDS 6

struct addresses {
	uint64_t *items;
	size_t cnt, cap;
};

/* The names that threads have at one moment, by ident. */
struct thread_name {
	uint64_t ident, native_id;
	char *name;
};

struct thread_names {
	struct thread_name *items;
	size_t cnt, cap;
};

struct thread_list {
	struct inspection *s;
	struct stack_reader *r;
	uint64_t runtime_addr;
	struct py_tstates tstates;
	struct task *tasks;
	size_t task_cnt;
	struct thread_names names;
	struct addresses late; /* states to be read in another round */
};

/* ---- names ------------------------------------------------------------------------------------------- */

static void keep_name(void *ctx, const struct python_thread *t)
{
	struct thread_names *names = ctx;

	xgrow(names->items, names->cnt, names->cap);
	names->items[names->cnt++] = (struct thread_name){t->ident, t->native_id, xstrdup(t->name)};
}

static void forget_names(struct thread_names *names)
{
	for (size_t i = 0; i < names->cnt; i++)
		free(names->items[i].name);
	free(names->items);
	*names = (struct thread_names){0};
}

/* In place of those that were read before: an ident is soon another thread's. */
static void read_names(struct thread_list *k)
{
	const struct thread_name_sink to = {.found = keep_name, .ctx = &k->names};

	forget_names(&k->names);
	memory_look(k->r->memory);
	thread_names_read(k->r->build, k->runtime_addr, memory_read, k->r->memory, &to);
	memory_look_away(k->r->memory);
}

/* Of the thread that has this ident, as this task. NULL: has none, or none yet. */
static const char *find_name(const struct thread_list *k, uint64_t ident, const struct task *task)
{
	const struct thread_names *names = &k->names;

	for (size_t i = 0; i < names->cnt; i++)
		if (names->items[i].ident == ident && task &&
		    python_thread_is(names->items[i].native_id, task->tid == k->s->pid, (uint64_t)task->inner_tid))
			return names->items[i].name;
	return NULL;
}

/*
 * For a thread without a name of Python's. Lib/threading.py: the leader's Thread is _MainThread("MainThread"), if any
 * thread has that name.
 */
static const char *default_name(const struct thread_list *k, const struct task *task)
{
	if (!task)
		return "";
	for (size_t i = 0; i < k->names.cnt && task->tid == k->s->pid; i++)
		if (!strcmp(k->names.items[i].name, "MainThread"))
			return task->name;
	return task->tid == k->s->pid ? "MainThread" : task->name;
}

static bool is_alive(const struct inspection *s, const struct inspect_thread *t)
{
	struct task_state now;

	return t->tid && !task_state(s->pid, t->tid, &now);
}

/* A thread that has only just started enters itself in threading._active a moment later. */
static void name_the_rest(struct thread_list *k)
{
	struct inspection *s = k->s;
	bool read = false;

	for (size_t i = 0; i < s->thread_cnt; i++) {
		struct inspect_thread *t = &s->threads[i];
		const struct task task = {.tid = t->tid, .inner_tid = t->inner_tid};
		const char *name;

		if (t->named)
			continue;
		if (!read)
			read_names(k);
		read = true;
		name = is_alive(s, t) ? find_name(k, t->ident, &task) : NULL;
		if (!name)
			continue;
		free(t->name);
		t->name = xstrdup(name);
	}
}

/* ---- lists ------------------------------------------------------------------------------------------- */

/* Thread states first: each of them has a task in the later list, or has ended since. */
static int list_threads(struct thread_list *k)
{
	struct memory *memory = k->r->memory;
	int err;

	free(k->tstates.items);
	free(k->tasks);
	k->tasks = NULL;
	k->task_cnt = 0;
	err = py_tstates_read(k->r->build, k->runtime_addr, memory_read, memory, &k->tstates);
	if (memory->err == -EPERM)
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

static struct task *find_task(const struct thread_list *k, uint32_t inner_tid)
{
	for (size_t i = 0; i < k->task_cnt; i++)
		if (inner_tid && (uint32_t)k->tasks[i].inner_tid == inner_tid)
			return &k->tasks[i];
	return NULL;
}

/* ---- one thread -------------------------------------------------------------------------------------- */

/* Behind the other stacks of the same thread, which may run in several interpreters. */
static void insert(struct inspection *s, const struct inspect_thread *t)
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

/* A state without frames beside another one of the same thread was made for a thread that has not started. */
static bool is_unborn(const struct inspection *s, const struct inspect_thread *t)
{
	if (t->outcome != ABI_NO_FRAME)
		return false;
	for (size_t i = 0; i < s->thread_cnt; i++)
		if (s->threads[i].ident == t->ident && s->threads[i].interp_id == t->interp_id)
			return true;
	return false;
}

/* False when it could not be read now, but perhaps can in another round. */
static bool add_thread(struct thread_list *k, const struct py_tstate *ts, bool last)
{
	struct task *task = find_task(k, ts->inner_tid);
	struct inspection *s = k->s;
	struct inspect_thread t = {
		.tid = task ? task->tid : 0,
		.inner_tid = task ? task->inner_tid : 0,
		.tstate_addr = ts->addr,
		.ident = ts->ident,
		.gil_addr = ts->gil_addr,
		.interp_id = ts->interp_id,
	};
	const char *name = find_name(k, ts->ident, task);
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
	/* Until Python has named it (from 3.14 on, Lib/threading.py: _set_os_name()) it has its maker's. */
	if (!name && task)
		task_read_name(s->pid, task);
	t.name = xstrdup(name ? name : default_name(k, task));
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
static void read_round(struct thread_list *k, unsigned round)
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

static int read_rounds(struct thread_list *k)
{
	int err = list_threads(k);

	for (unsigned round = 0; !err; round++) {
		read_round(k, round);
		if (!k->late.cnt || round == MAX_ROUNDS - 1)
			break;
		stable_read_pause(5 * (round + 1));
		err = list_threads(k);
	}
	return err;
}

/* ---- all of them ------------------------------------------------------------------------------------- */

static void find_gil_moved(struct inspection *s)
{
	for (size_t i = 0; i < s->thread_cnt; i++)
		for (size_t j = 0; j < i; j++)
			s->gil_moved |= s->threads[i].holds_gil && s->threads[j].holds_gil &&
					s->threads[i].gil_addr == s->threads[j].gil_addr;
}

/* A thread that made a sub-interpreter keeps an idle state in it: not worth a stack of its own. */
static bool is_idle_double(const struct inspection *s, const struct inspect_thread *t)
{
	if (t->outcome != ABI_NO_FRAME)
		return false;
	for (size_t i = 0; i < s->thread_cnt; i++)
		if (&s->threads[i] != t && s->threads[i].ident == t->ident &&
		    (s->threads[i].frame_cnt || !s->threads[i].interp_id))
			return true;
	return false;
}

static void drop_idle_doubles(struct inspection *s)
{
	for (size_t i = s->thread_cnt; i-- > 0;) {
		if (!s->threads[i].interp_id || !is_idle_double(s, &s->threads[i]))
			continue;
		stack_free(&s->threads[i]);
		memmove(&s->threads[i], &s->threads[i + 1], (s->thread_cnt - i - 1) * sizeof(*s->threads));
		s->thread_cnt--;
	}
}

static void add_other(struct thread_list *k, const struct task *task)
{
	struct inspection *s = k->s;
	struct inspect_thread t = {.tid = task->tid, .inner_tid = task->inner_tid, .outcome = ABI_NO_TSTATE};

	if (k->r->natives && stack_read_other(k->r, &t))
		return; /* it has ended */
	t.name = xstrdup(task->name);
	s->others[s->other_cnt++] = t;
}

static void list_others(struct thread_list *k)
{
	struct inspection *s = k->s;

	s->others = xcalloc(k->task_cnt, sizeof(*s->others));
	for (size_t i = 0; i < k->task_cnt; i++) {
		bool known = false;

		for (size_t j = 0; j < k->tstates.cnt && !known; j++)
			known = (uint32_t)k->tasks[i].inner_tid == k->tstates.items[j].inner_tid;
		if (!known)
			add_other(k, &k->tasks[i]);
		if (k->tasks[i].tid == s->pid)
			s->inner_pid = k->tasks[i].inner_tid;
	}
}

int threads_read(struct inspection *s, struct stack_reader *r, uint64_t runtime_addr)
{
	struct thread_list k = {.s = s, .r = r, .runtime_addr = runtime_addr};
	int err = read_rounds(&k);

	if (!err) {
		drop_idle_doubles(s);
		find_gil_moved(s);
		list_others(&k);
		name_the_rest(&k);
		waits_find(s);
		loops_read(s, r, &k.tstates);
	}
	forget_names(&k.names);
	free(k.late.items);
	free(k.tstates.items);
	free(k.tasks);
	return err;
}
