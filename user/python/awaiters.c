/* SPDX-License-Identifier: MIT */
/*
 * A callback of a future leads to a task that waits for it: it is the task's own wake-up, or it is a function, of gather(),
 * wait(), wait_for(), shield() and the like, that holds another future, for which the task waits; a task group has its
 * task as an attribute. Lib/asyncio/tasks.py, taskgroups.py; Modules/_asynciomodule.c: task_step_impl().
 */
#include "user/python/awaiters.h"
#include "user/python/modules.h"
#include "user/python/objects_common.h"
#include "user/util/alloc.h"
#include <string.h>

#define MAX_SEEN      32 /* futures on the way */
#define MAX_CALLBACKS 64 /* of each */
#define MAX_HELD      32 /* things that a callback holds */
#define MAX_ENTRIES   (1u << 16)

/* FutureObj (Modules/_asynciomodule.c), the same in all versions */
#define FUTURE_CALLBACK0 24

struct search {
	struct awaitables *a;
	struct py_task *task;
	uint64_t seen[MAX_SEEN];
	size_t seen_cnt;
};

static void add(struct search *s, uint64_t task)
{
	struct py_task *t = s->task;

	for (size_t i = 0; i < t->awaited_by_cnt; i++)
		if (t->awaited_by[i] == task)
			return;
	if (task != t->addr && t->awaited_by_cnt < PY_AWAITERS_MAX)
		t->awaited_by[t->awaited_by_cnt++] = task;
}

static uint64_t word_at(struct search *s, uint64_t addr, unsigned offset)
{
	uint64_t word;

	return object_read_u64(&s->a->r, object_at(&s->a->r, addr, offset), &word) ? word : 0;
}

static void see(struct search *s, uint64_t future)
{
	for (size_t i = 0; i < s->seen_cnt; i++)
		if (s->seen[i] == future)
			return;
	if (s->seen_cnt < MAX_SEEN)
		s->seen[s->seen_cnt++] = future;
}

/* A task waits, and so do those who wait for a future. */
static void take(struct search *s, uint64_t addr)
{
	enum awaitable_kind kind = addr ? awaitable_kind_of(s->a, addr) : AWAITABLE_NOT;

	if (awaitable_is_task(kind))
		add(s, addr);
	else if (awaitable_is_future(kind) && future_is_pending(s->a, addr, kind))
		see(s, addr);
}

/* ---- callbacks -------------------------------------------------------------------------------------------- */

/* The items of a tuple, or what is in its cells. */
static void take_tuple(struct search *s, uint64_t tuple)
{
	struct object_reader *r = &s->a->r;
	uint64_t items[MAX_HELD], cnt;

	if (!tuple || !object_read_u64(r, object_at(r, tuple, OB_SIZE), &cnt) || !cnt)
		return;
	cnt = cnt < MAX_HELD ? cnt : MAX_HELD;
	if (!object_read_bytes(r, tuple + r->objects->tuple_items, items, cnt * 8))
		return;
	for (uint64_t i = 0; i < cnt; i++) {
		bool cell = items[i] && awaitable_kind_of(s->a, items[i]) == KIND_CELL;

		take(s, cell ? word_at(s, items[i], OB_BODY) : items[i]);
	}
}

/* Does the name of a function, as the interpreter has it, end so? */
static bool is_named(struct search *s, uint64_t function, const char *end)
{
	uint64_t at;
	char *name = object_read_u64(&s->a->r, function + s->a->r.objects->function_qualname, &at)
			     ? object_read_str(&s->a->r, at)
			     : NULL;
	size_t len = name ? strlen(name) : 0, wanted = strlen(end);
	bool is = len >= wanted && !strcmp(name + len - wanted, end);

	free(name);
	return is;
}

/* Modules/_asynciomodule.c: TaskWakeupDef; by another method of its a task does not wait. */
static bool is_wakeup(struct search *s, uint64_t method)
{
	uint64_t def = word_at(s, method, BOUND_FUNCTION), at;
	char name[12] = "";

	return def && object_read_u64(&s->a->r, def, &at) && object_read_bytes(&s->a->r, at, name, sizeof(name)) &&
	       (!memcmp(name, "task_wakeup", sizeof(name)) || !memcmp(name, "TaskWakeup", sizeof("TaskWakeup")));
}

static void take_method(struct search *s, uint64_t method)
{
	uint64_t self = word_at(s, method, BOUND_SELF), at;
	enum awaitable_kind kind = self ? awaitable_kind_of(s->a, self) : AWAITABLE_NOT;

	if (kind == AWAITABLE_PY_TASK && is_named(s, word_at(s, method, BOUND_FUNCTION), "__wakeup"))
		add(s, self);
	else if (kind == KIND_TASK_GROUP && instance_find(&s->a->r, self, "_parent_task", &at))
		take(s, at);
}

static void follow(struct search *s, uint64_t callback)
{
	switch (awaitable_kind_of(s->a, callback)) {
	case KIND_TASK_STEP:
		take(s, word_at(s, callback, OB_BODY));
		break;
	case KIND_C_METHOD:
		if (is_wakeup(s, callback))
			take(s, word_at(s, callback, BOUND_SELF));
		break;
	case KIND_METHOD:
		take_method(s, callback);
		break;
	case KIND_PARTIAL:
		take_tuple(s, word_at(s, callback, BOUND_SELF));
		break;
	case KIND_FUNCTION:
		take_tuple(s, word_at(s, callback, s->a->layout->function_closure));
		break;
	default:
		break;
	}
}

/* A list of (callback, context). */
static void follow_list(struct search *s, uint64_t list)
{
	struct object_reader *r = &s->a->r;
	uint64_t items[MAX_CALLBACKS], cnt, at;

	if (!list || !object_read_u64(r, object_at(r, list, OB_SIZE), &cnt) || !cnt)
		return;
	cnt = cnt < MAX_CALLBACKS ? cnt : MAX_CALLBACKS;
	if (!object_read_u64(r, object_at(r, list, OB_VAR_BODY), &at) || !object_read_bytes(r, at, items, cnt * 8))
		return;
	for (uint64_t i = 0; i < cnt; i++)
		if (object_read_u64(r, items[i] + r->objects->tuple_items, &at) && at)
			follow(s, at);
}

/* ---- what 3.14 has ---------------------------------------------------------------------------------------- */

static void take_set(struct search *s, uint64_t set)
{
	uint64_t mask = word_at(s, set, SET_MASK), table = word_at(s, set, SET_TABLE);

	for (uint64_t i = 0; table && i <= mask && i < MAX_ENTRIES && s->task->awaited_by_cnt < PY_AWAITERS_MAX; i++) {
		uint64_t entry[2];

		if (!object_read_bytes(&s->a->r, table + i * sizeof(entry), entry, sizeof(entry)))
			return;
		if (entry[0])
			take(s, entry[0]);
	}
}

static void take_awaited_by(struct search *s, uint64_t future)
{
	const struct py_asyncio *l = s->a->layout;
	uint64_t by = l->awaited_by ? word_at(s, future, l->awaited_by) : 0;
	uint8_t is_set = 0;

	if (!by ||
	    !object_read_bytes(&s->a->r, object_at(&s->a->r, future, l->awaited_by_is_set), &is_set, sizeof(is_set)))
		return;
	if (is_set)
		take_set(s, by);
	else
		take(s, by);
}

void task_find_awaiters(struct awaitables *a, struct py_task *t)
{
	struct search s = {.a = a, .task = t};

	see(&s, t->addr);
	for (size_t i = 0; i < s.seen_cnt; i++) {
		enum awaitable_kind kind = awaitable_kind_of(a, s.seen[i]);

		if (kind == AWAITABLE_C_FUTURE || kind == AWAITABLE_C_TASK) {
			uint64_t first = word_at(&s, s.seen[i], FUTURE_CALLBACK0);

			take_awaited_by(&s, s.seen[i]);
			if (first)
				follow(&s, first);
		}
		follow_list(&s, future_member(a, s.seen[i], kind, FUTURE_CALLBACKS));
	}
}
