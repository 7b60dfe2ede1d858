/* SPDX-License-Identifier: MIT */
/*
 * Tasks are changed by the thread that runs their loop, so what was read while that did not run is of one moment, as with
 * stacks. When several tries fail, the last is shown and marked. The frames of a task that runs are on the stack of its
 * thread.
 */
#include "user/inspect/loops.h"
#include "user/inspect/stable_read.h"
#include "user/inspect/task_circles.h"
#include "user/python/tasks.h"
#include "user/target/asyncio_file.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include <string.h>

#define TRIES     20
#define ENOUGH_NS 1000000000ull /* of trying again */
#define MAX_NAMES 1000          /* tasks between which what is known of code objects is thrown away */

struct loops {
	struct inspection *s;
	struct stack_reader *r;
	const struct py_tstates *threads;
	struct py_asyncio_debug debug;
	struct stable_read *looks; /* by thread */
	struct py_tasks tasks;
	size_t *by_addr; /* indices of tasks */
};

/* ---- where asyncio keeps them ------------------------------------------------------------------------------ */

static void find_debug(struct loops *k)
{
	const struct py_build *build = k->r->build;

	k->debug = build->asyncio_debug;
	if (!k->debug.task_bytes && build->asyncio && build->asyncio->task_node)
		asyncio_file_read(k->s->pid, &k->debug);
}

/* ---- frames --------------------------------------------------------------------------------------------------- */

static void copy_frame(struct inspect_frame *to, const struct inspect_frame *from)
{
	*to = (struct inspect_frame){.line = from->line, .addr = from->addr};
	to->name = xstrdup(from->name);
	to->file = xstrdup(from->file);
	to->short_file = xstrdup(from->short_file);
	to->module = xstrdup(from->module);
}

/* From the leaf of the thread's stack to the task's own coroutine. False when that is not on it. */
static bool take_running(struct loops *k, const struct py_task *from, struct inspect_task *t)
{
	size_t thread = k->s->loops[t->loop].thread;
	const struct inspect_thread *of = thread ? &k->s->threads[thread - 1] : NULL;

	for (size_t i = 0; of && from->coroutine_cnt && i < of->frame_cnt; i++) {
		if (of->frames[i].addr != from->coroutines[0])
			continue;
		t->frames = xcalloc(i + 1, sizeof(*t->frames));
		for (t->frame_cnt = 0; t->frame_cnt <= i; t->frame_cnt++)
			copy_frame(&t->frames[t->frame_cnt], &of->frames[t->frame_cnt]);
		return true;
	}
	return false;
}

static void take_frames(struct loops *k, const struct py_task *from, struct inspect_task *t)
{
	struct walked_frame walked;

	t->frames = xcalloc(from->coroutine_cnt + 1, sizeof(*t->frames));
	for (size_t i = from->coroutine_cnt; i-- > 0;) {
		struct inspect_frame *f = &t->frames[t->frame_cnt];

		if (!walker__frame(k->r->walker, from->coroutines[i], &walked))
			continue;
		stack_name_frame(k->r, &walked, f);
		f->addr = walked.addr;
		if (k->r->options->locals)
			py_locals_read(&k->r->locals, walked.addr, walked.code_addr, &f->locals);
		t->frame_cnt++;
		t->doing = walked.lasti < 0 && from->coroutine_cnt == 1 && t->doing == INSPECT_TASK_READY
				   ? INSPECT_TASK_NOT_STARTED /* up to 3.10 only the frame tells */
				   : t->doing;
	}
}

/* ---- tasks ---------------------------------------------------------------------------------------------------- */

static const struct py_tasks *sorted; /* for qsort(), which has no context */

static int compare_addr(const void *a, const void *b)
{
	uint64_t x = sorted->items[*(const size_t *)a].addr, y = sorted->items[*(const size_t *)b].addr;

	return (x > y) - (x < y);
}

static void sort_by_addr(struct loops *k)
{
	k->by_addr = xcalloc(k->tasks.cnt + 1, sizeof(*k->by_addr));
	for (size_t i = 0; i < k->tasks.cnt; i++)
		k->by_addr[i] = i;
	sorted = &k->tasks;
	qsort(k->by_addr, k->tasks.cnt, sizeof(*k->by_addr), compare_addr);
}

/* Index + 1; 0: it is none of the tasks. */
static size_t find_task(const struct loops *k, uint64_t addr)
{
	size_t low = 0, high = k->tasks.cnt;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (k->tasks.items[k->by_addr[mid]].addr < addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low < k->tasks.cnt && k->tasks.items[k->by_addr[low]].addr == addr ? k->by_addr[low] + 1 : 0;
}

static size_t find_loop(const struct loops *k, uint64_t addr)
{
	size_t i = 0;

	while (i + 1 < k->tasks.loop_cnt && k->tasks.loops[i].addr != addr)
		i++;
	return i;
}

static void take_task(struct loops *k, struct py_task *from, struct inspect_task *t)
{
	t->addr = from->addr;
	t->name = from->name;
	from->name = NULL;
	t->loop = find_loop(k, from->loop);
	t->is_cut = from->is_cut;
	t->doing = from->is_current    ? INSPECT_TASK_RUNNING
		   : from->waits_for   ? INSPECT_TASK_WAITS
		   : from->not_started ? INSPECT_TASK_NOT_STARTED
				       : INSPECT_TASK_READY;
	if (t->doing == INSPECT_TASK_WAITS) {
		t->waits_task = find_task(k, from->waits_for);
		t->waits_type = from->waits_type;
		from->waits_type = NULL;
	}
	t->awaited_by = xcalloc(from->awaited_by_cnt + 1, sizeof(*t->awaited_by));
	for (size_t i = 0; i < from->awaited_by_cnt; i++) {
		size_t by = find_task(k, from->awaited_by[i]);

		if (by)
			t->awaited_by[t->awaited_by_cnt++] = by - 1;
	}
	if (!from->is_current || !take_running(k, from, t))
		take_frames(k, from, t);
}

static void take_loops(struct loops *k)
{
	struct inspection *s = k->s;

	s->loop_cnt = k->tasks.loop_cnt;
	s->loops = xcalloc(s->loop_cnt + 1, sizeof(*s->loops));
	for (size_t i = 0; i < s->loop_cnt; i++) {
		struct py_loop *from = &k->tasks.loops[i];

		s->loops[i].type = from->type ? from->type : xstrdup("");
		from->type = NULL;
		for (size_t t = 0; t < s->thread_cnt && from->thread; t++)
			if (s->threads[t].tstate_addr == from->thread)
				s->loops[i].thread = t + 1;
	}
}

static void take_tasks(struct loops *k)
{
	struct inspection *s = k->s;

	s->task_cnt = k->tasks.cnt;
	s->tasks = xcalloc(s->task_cnt + 1, sizeof(*s->tasks));
	sort_by_addr(k);
	walker__forget(k->r->walker);
	for (size_t i = 0; i < s->task_cnt; i++) {
		if (i && i % MAX_NAMES == 0)
			walker__forget(k->r->walker);
		take_task(k, &k->tasks.items[i], &s->tasks[i]);
	}
	free(k->by_addr);
}

/* ---- tries ---------------------------------------------------------------------------------------------------- */

void loops_free(struct inspection *s)
{
	for (size_t i = 0; i < s->task_cnt; i++) {
		free(s->tasks[i].name);
		free(s->tasks[i].waits_type);
		free(s->tasks[i].awaited_by);
		stack_free_frames(s->tasks[i].frames, s->tasks[i].frame_cnt);
	}
	for (size_t i = 0; i < s->loop_cnt; i++)
		free(s->loops[i].type);
	free(s->tasks);
	free(s->loops);
	s->tasks = NULL;
	s->loops = NULL;
	s->task_cnt = s->loop_cnt = 0;
}

static void begin(struct loops *k)
{
	for (size_t i = 0; i < k->s->thread_cnt; i++)
		if (!k->s->threads[i].tid || stable_read_begin(&k->looks[i], k->s->pid, k->s->threads[i].tid))
			k->looks[i] = (struct stable_read){0};
}

/* Did none of the threads that run loops run meanwhile? A loop that nobody runs does not change either. */
static bool end(struct loops *k)
{
	bool still = true;

	for (size_t i = 0; i < k->s->loop_cnt; i++) {
		struct inspect_loop *l = &k->s->loops[i];

		l->sure = !l->thread || stable_read_end(&k->looks[l->thread - 1]);
		still &= l->sure;
	}
	return still;
}

static bool try_once(struct loops *k)
{
	const struct py_tasks_reader from = {k->r->build, &k->debug, memory_read, k->r->memory};
	bool still;

	begin(k);
	memory_look(k->r->memory);
	py_tasks_read(&from, k->threads, &k->tasks);
	take_loops(k);
	take_tasks(k);
	memory_look_away(k->r->memory);
	still = end(k);
	k->s->tasks_cut = k->tasks.is_cut;
	k->s->tasks_unknown = k->tasks.is_unknown;
	py_tasks_free(&k->tasks);
	return still;
}

void loops_read(struct inspection *s, struct stack_reader *r, const struct py_tstates *threads)
{
	struct loops k = {.s = s, .r = r, .threads = threads};
	const struct py_tasks_reader from = {r->build, &k.debug, memory_read, r->memory};
	uint64_t start = clock_now_ns();
	bool there;

	memory_look(r->memory);
	there = r->build->asyncio && py_tasks_are_there(&from, threads);
	memory_look_away(r->memory);
	if (!there)
		return;
	find_debug(&k);
	k.looks = xcalloc(s->thread_cnt + 1, sizeof(*k.looks));
	for (unsigned i = 0; !try_once(&k) && i < TRIES && clock_now_ns() - start < ENOUGH_NS; i++) {
		loops_free(s);
		stable_read_pause(i);
	}
	task_circles_find(s);
	free(k.looks);
}
