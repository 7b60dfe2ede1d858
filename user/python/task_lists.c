/* SPDX-License-Identifier: MIT */
/*
 * Lib/asyncio/tasks.py, Modules/_asynciomodule.c:
 *   up to 3.11  asyncio.tasks._all_tasks, a WeakSet
 *   3.12, 3.13  _scheduled_tasks, a WeakSet, and _eager_tasks, a set, there
 *   3.14 on     a list in the state of each thread, and one in the interpreter, of threads that have ended; those that are
 *               not made in C are in the sets
 * The loop that a thread runs is in its state: in its dict (up to 3.12), or a member (user/python/versions.c,
 * .AsyncioDebug); its running task in asyncio.tasks._current_tasks, by loop, or a member too.
 */
#include "user/python/task_lists.h"
#include "user/python/modules.h"
#include "user/python/objects_common.h"
#include "user/util/alloc.h"

#define MAX_FOUND    200000u
#define MAX_CURRENT  4096u
#define MAX_ENTRIES  (1u << 20) /* of a set … */
#define SET_PART     256        /* … so many at once */
#define RUNNING_LOOP "__asyncio_running_event_loop__"

static uint64_t word_at(struct awaitables *a, uint64_t addr)
{
	uint64_t word;

	return object_read_u64(&a->r, addr, &word) ? word : 0;
}

static void find(struct task_list *out, uint64_t addr)
{
	if (!addr)
		return;
	if (out->found_cnt >= MAX_FOUND) {
		out->is_cut = true;
		return;
	}
	xgrow(out->found, out->found_cnt, out->found_cap);
	out->found[out->found_cnt++] = addr;
}

static void find_current(struct task_list *out, uint64_t addr)
{
	if (!addr || out->current_cnt >= MAX_CURRENT)
		return;
	find(out, addr);
	xgrow(out->current, out->current_cnt, out->current_cap);
	out->current[out->current_cnt++] = addr;
}

/* In a set of tasks or of weak references to them. */
static void find_in_set(struct awaitables *a, uint64_t set, struct task_list *out)
{
	struct object_reader *r = &a->r;
	uint64_t mask = word_at(a, object_at(r, set, SET_MASK)), table = word_at(a, object_at(r, set, SET_TABLE));
	uint64_t part[SET_PART][2];

	out->is_cut |= mask >= MAX_ENTRIES;
	for (uint64_t at = 0; table && at <= mask && at < MAX_ENTRIES; at += SET_PART) {
		uint64_t n = mask + 1 - at < SET_PART ? mask + 1 - at : SET_PART;

		if (!object_read_bytes(r, table + at * sizeof(*part), part, n * sizeof(*part)))
			return;
		for (uint64_t i = 0; i < n; i++) {
			uint64_t key = part[i][0];
			bool weak = key && awaitable_kind_of(a, key) == KIND_WEAKREF;

			find(out, weak ? word_at(a, object_at(r, key, OB_BODY)) : key); /* PyWeakReference.wr_object */
		}
	}
}

/* Lib/_weakrefset.py: WeakSet.data */
static void find_in_weak_set(struct awaitables *a, uint64_t module, const char *name, struct task_list *out)
{
	uint64_t set;

	if (module_find(&a->r, module, name, &set) && instance_find(&a->r, set, "data", &set))
		find_in_set(a, set, out);
}

/* Include/internal/pycore_llist.h: a circle of nodes, each in a task, but for the head. */
static void find_in_list(struct awaitables *a, uint64_t head, struct task_list *out)
{
	uint64_t node = word_at(a, head), at = object_at(&a->r, 0, a->layout->task_node);

	for (unsigned i = 0; node && node != head && i <= MAX_FOUND; i++, node = word_at(a, node))
		find(out, node - at);
}

void task_list_of_interp(struct awaitables *a, uint64_t interp, uint64_t module, struct task_list *out)
{
	struct object_dict d;
	uint64_t at, loop, task;

	if (a->debug->task_bytes)
		find_in_list(a, interp + a->debug->interp_tasks, out);
	find_in_weak_set(a, module, "_all_tasks", out);
	find_in_weak_set(a, module, "_scheduled_tasks", out);
	if (module_find(&a->r, module, "_eager_tasks", &at))
		find_in_set(a, at, out);
	if (!module_find(&a->r, module, "_current_tasks", &at) || !object_dict__open(&d, &a->r, at))
		return;
	for (uint32_t i = 0; i < d.count; i++)
		if (object_dict__entry(&d, i, &loop, &task))
			find_current(out, task);
	object_dict__free(&d);
}

void task_list_of_thread(struct awaitables *a, uint64_t thread, struct task_list *out)
{
	if (!a->debug->task_bytes)
		return;
	find_in_list(a, thread + a->debug->thread_tasks, out);
	find_current(out, word_at(a, thread + a->debug->thread_task));
}

static uint64_t find_running_loop(struct awaitables *a, uint64_t thread)
{
	const struct py_asyncio *l = a->layout;
	uint64_t at;

	if (a->debug->task_bytes)
		return word_at(a, thread + a->debug->thread_loop);
	if (l->task_node) /* it is only known with those */
		return 0;
	if (!l->thread_dict)
		return a->r.objects->tstate_bytes ? word_at(a, thread + a->r.objects->tstate_bytes) : 0;
	at = word_at(a, thread + l->thread_dict);
	if (!at || !module_find(&a->r, at, RUNNING_LOOP, &at))
		return 0;
	return l->loop_holder ? word_at(a, object_at(&a->r, at, OB_BODY)) : at; /* PyRunningLoopHolder.rl_loop */
}

uint64_t task_running_loop(struct awaitables *a, uint64_t thread)
{
	uint64_t loop = find_running_loop(a, thread);

	return loop && awaitable_kind_of(a, loop) != KIND_NONE ? loop : 0;
}
