/*
 * Where tasks are kept (Lib/asyncio/tasks.py, Modules/_asynciomodule.c):
 *   up to 3.11  asyncio.tasks._all_tasks, a WeakSet
 *   3.12, 3.13  _scheduled_tasks, a WeakSet, and _eager_tasks, a set, there
 *   3.14 on     a list in the state of each thread, and one in the interpreter, of threads that have ended; those that are
 *               not made in C are in the sets
 * The loop that a thread runs is in its state: in its dict (up to 3.12), or a member (user/python/versions.c,
 * .AsyncioDebug); its running task in asyncio.tasks._current_tasks, by loop, or a member too.
 */
#include "user/python/tasks.h"
#include "user/python/awaiters.h"
#include "user/python/modules.h"
#include "user/python/objects_common.h"
#include "user/python/type_name.h"
#include "user/util/alloc.h"
#include <ctype.h>
#include <string.h>

#define MAX_READS      (8u << 20)
#define MAX_FOUND      (20u * PY_TASKS_MAX) /* done ones may be there, too */
#define MAX_COROUTINES 512                  /* of a task … */
#define MAX_FRAMES     (1u << 18)           /* … and of all */
#define MAX_ENTRIES    (1u << 20)           /* of a set */
#define SET_PART       256
#define ASYNCIO_TASKS  "asyncio.tasks"
#define RUNNING_LOOP   "__asyncio_running_event_loop__"

struct reading {
	struct awaitables a;
	const struct py_tasks_reader *from;
	const struct py_tstates *threads;
	struct py_tasks *out;
	uint64_t interp;
	uint64_t *found; /* addresses of what may be tasks, in any order */
	size_t found_cnt, found_cap;
	uint64_t *current; /* … and of those that run */
	size_t current_cnt, current_cap;
	size_t frame_cnt;
};

static uint64_t word_at(struct reading *g, uint64_t addr)
{
	uint64_t word;

	return object_read_u64(&g->a.r, addr, &word) ? word : 0;
}

/* ---- where they are ---------------------------------------------------------------------------------------- */

static void find(struct reading *g, uint64_t addr)
{
	if (!addr)
		return;
	if (g->found_cnt >= MAX_FOUND) {
		g->out->is_cut = true;
		return;
	}
	xgrow(g->found, g->found_cnt, g->found_cap);
	g->found[g->found_cnt++] = addr;
}

static void find_current(struct reading *g, uint64_t addr)
{
	if (!addr)
		return;
	find(g, addr);
	xgrow(g->current, g->current_cnt, g->current_cap);
	g->current[g->current_cnt++] = addr;
}

/* In a set of tasks or of weak references to them. */
static void find_in_set(struct reading *g, uint64_t set)
{
	struct object_reader *r = &g->a.r;
	uint64_t mask = word_at(g, object_at(r, set, SET_MASK)), table = word_at(g, object_at(r, set, SET_TABLE));
	uint64_t part[SET_PART][2];

	if (mask >= MAX_ENTRIES)
		g->out->is_cut = true;
	for (uint64_t at = 0; table && at <= mask && at < MAX_ENTRIES; at += SET_PART) {
		uint64_t n = mask + 1 - at < SET_PART ? mask + 1 - at : SET_PART;

		if (!object_read_bytes(r, table + at * sizeof(*part), part, n * sizeof(*part)))
			return;
		for (uint64_t i = 0; i < n; i++) {
			uint64_t key = part[i][0];
			bool weak = key && awaitable_kind_of(&g->a, key) == KIND_WEAKREF;

			find(g, weak ? word_at(g, object_at(r, key, OB_BODY)) : key); /* PyWeakReference.wr_object */
		}
	}
}

/* Lib/_weakrefset.py: WeakSet.data */
static void find_in_weak_set(struct reading *g, uint64_t module, const char *name)
{
	uint64_t set;

	if (module_find(&g->a.r, module, name, &set) && instance_find(&g->a.r, set, "data", &set))
		find_in_set(g, set);
}

static void find_in_module(struct reading *g, uint64_t module)
{
	struct object_dict d;
	uint64_t at, loop, task;

	find_in_weak_set(g, module, "_all_tasks");
	find_in_weak_set(g, module, "_scheduled_tasks");
	if (module_find(&g->a.r, module, "_eager_tasks", &at))
		find_in_set(g, at);
	if (!module_find(&g->a.r, module, "_current_tasks", &at) || !object_dict__open(&d, &g->a.r, at))
		return;
	for (uint32_t i = 0; i < d.count; i++)
		if (object_dict__entry(&d, i, &loop, &task))
			find_current(g, task);
	object_dict__free(&d);
}

/* Include/internal/pycore_llist.h: a circle of nodes, each in a task, but for the head. */
static void find_in_list(struct reading *g, uint64_t head)
{
	uint64_t node = word_at(g, head), at = object_at(&g->a.r, 0, g->a.layout->task_node);

	for (unsigned i = 0; node && node != head && i <= MAX_FOUND; i++, node = word_at(g, node))
		find(g, node - at);
}

/* ---- loops -------------------------------------------------------------------------------------------------- */

static struct py_loop *get_loop(struct reading *g, uint64_t addr)
{
	struct py_tasks *t = g->out;

	for (size_t i = 0; i < t->loop_cnt; i++)
		if (t->loops[i].addr == addr)
			return &t->loops[i];
	xgrow(t->loops, t->loop_cnt, t->loop_cap);
	t->loops[t->loop_cnt] = (struct py_loop){.addr = addr, .interp = g->interp};
	t->loops[t->loop_cnt].type = object_type_name(&g->a.r, addr);
	return &t->loops[t->loop_cnt++];
}

static uint64_t running_loop(struct reading *g, uint64_t thread)
{
	const struct py_asyncio *l = g->a.layout;
	const struct py_asyncio_debug *debug = g->from->debug;
	uint64_t at;

	if (debug->task_bytes)
		return word_at(g, thread + debug->thread_loop);
	if (l->task_node) /* it is only known with those */
		return 0;
	if (!l->thread_dict)
		return g->a.r.objects->tstate_bytes ? word_at(g, thread + g->a.r.objects->tstate_bytes) : 0;
	at = word_at(g, thread + l->thread_dict);
	if (!at || !module_find(&g->a.r, at, RUNNING_LOOP, &at))
		return 0;
	return l->loop_holder ? word_at(g, object_at(&g->a.r, at, OB_BODY)) : at;
}

static void look_at_thread(struct reading *g, uint64_t thread)
{
	const struct py_asyncio_debug *debug = g->from->debug;
	uint64_t loop = running_loop(g, thread);

	if (loop && awaitable_kind_of(&g->a, loop) != KIND_NONE)
		get_loop(g, loop)->thread = thread;
	if (!debug->task_bytes)
		return;
	find_in_list(g, thread + debug->thread_tasks);
	find_current(g, word_at(g, thread + debug->thread_task));
}

/* ---- one task ------------------------------------------------------------------------------------------------ */

static void read_name(struct reading *g, struct py_task *t, uint64_t name)
{
	uint64_t number;

	/* From 3.13 on a default name is a number until somebody asks for it: Modules/_asynciomodule.c, task_name */
	if (name && object_read_int(&g->a.r, name, &number))
		t->name = xasprintf("Task-%llu", (unsigned long long)number);
	else if (name)
		t->name = object_read_str(&g->a.r, name);
	if (!t->name)
		t->name = xstrdup("");
}

static void read_coroutines(struct reading *g, struct py_task *t, uint64_t at)
{
	uint64_t frames[MAX_COROUTINES];
	enum awaitable_kind kind = at ? awaitable_kind_of(&g->a, at) : AWAITABLE_NOT;

	for (unsigned i = 0; i < 2 * MAX_COROUTINES && kind >= AWAITABLE_COROUTINE && kind <= AWAITABLE_PROXY; i++) {
		uint64_t inner = 0;
		bool not_started = false;

		if (kind == AWAITABLE_PROXY) {
			inner = word_at(g, object_at(&g->a.r, at, OB_BODY));
		} else {
			uint64_t frame = coroutine_frame(&g->a, at, kind, &inner, &not_started);

			t->is_cut = frame && (t->coroutine_cnt >= MAX_COROUTINES || g->frame_cnt >= MAX_FRAMES);
			if (!frame || t->is_cut)
				break;
			frames[t->coroutine_cnt++] = frame;
			g->frame_cnt++;
			t->not_started |= not_started;
		}
		at = inner;
		kind = at ? awaitable_kind_of(&g->a, at) : AWAITABLE_NOT;
	}
	t->coroutines = xcalloc(t->coroutine_cnt + 1, sizeof(*t->coroutines));
	memcpy(t->coroutines, frames, t->coroutine_cnt * sizeof(*frames));
}

static void read_waiter(struct reading *g, struct py_task *t, enum awaitable_kind kind)
{
	uint64_t waiter = future_member(&g->a, t->addr, kind, TASK_WAITER);
	enum awaitable_kind of = waiter ? awaitable_kind_of(&g->a, waiter) : AWAITABLE_NOT;

	if (!waiter || (awaitable_is_future(of) && !future_is_pending(&g->a, waiter, of)))
		return;
	t->waits_for = waiter;
	t->waits_type = object_type_name(&g->a.r, waiter);
}

static bool is_current(const struct reading *g, uint64_t addr)
{
	for (size_t i = 0; i < g->current_cnt; i++)
		if (g->current[i] == addr)
			return true;
	return false;
}

static void read_task(struct reading *g, uint64_t addr)
{
	enum awaitable_kind kind = awaitable_kind_of(&g->a, addr);
	struct py_task t = {.addr = addr, .interp = g->interp};

	if (!awaitable_is_task(kind) || !future_is_pending(&g->a, addr, kind))
		return;
	t.loop = future_member(&g->a, addr, kind, FUTURE_LOOP);
	if (!t.loop)
		return;
	if (g->out->cnt >= PY_TASKS_MAX) {
		g->out->is_cut = true;
		return;
	}
	get_loop(g, t.loop);
	t.is_current = is_current(g, addr);
	read_name(g, &t, future_member(&g->a, addr, kind, TASK_NAME));
	read_coroutines(g, &t, future_member(&g->a, addr, kind, TASK_CORO));
	read_waiter(g, &t, kind);
	task_find_awaiters(&g->a, &t);
	xgrow(g->out->items, g->out->cnt, g->out->cap);
	g->out->items[g->out->cnt++] = t;
}

/* ---- all of them ---------------------------------------------------------------------------------------------- */

static int compare_words(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void read_interp(struct reading *g)
{
	uint64_t module = module_dict(&g->a.r, g->interp, ASYNCIO_TASKS);

	if (!module)
		return;
	g->found_cnt = g->current_cnt = 0;
	find_in_module(g, module);
	for (size_t i = 0; i < g->threads->cnt; i++)
		if (g->threads->items[i].interp_addr == g->interp)
			look_at_thread(g, g->threads->items[i].addr);
	if (g->from->debug->task_bytes)
		find_in_list(g, g->interp + g->from->debug->interp_tasks);
	if (g->found_cnt)
		qsort(g->found, g->found_cnt, sizeof(*g->found), compare_words);
	for (size_t i = 0; i < g->found_cnt; i++)
		if (!i || g->found[i] != g->found[i - 1])
			read_task(g, g->found[i]);
}

int py_task_name_compare(const char *a, const char *b)
{
	while (*a && *b) {
		size_t da = strspn(a, "0123456789"), db = strspn(b, "0123456789");

		if (da && db) {
			int order = da != db ? (da > db) - (da < db) : strncmp(a, b, da);

			if (order)
				return order;
			a += da;
			b += db;
		} else if (*a != *b) {
			break;
		} else {
			a++;
			b++;
		}
	}
	return (unsigned char)*a - (unsigned char)*b;
}

static int compare_tasks(const void *a, const void *b)
{
	const struct py_task *x = a, *y = b;
	int order = py_task_name_compare(x->name, y->name);

	return order ? order : (x->addr > y->addr) - (x->addr < y->addr);
}

/* The section has what it says of tasks where the layout has it, or the rest of the layout is not believed either. */
static bool fits(const struct awaitables *a, const struct py_asyncio_debug *debug)
{
	const struct py_asyncio *l = a->layout;
	unsigned larger = a->r.larger;

	return !debug->task_bytes ||
	       (l->task_node && debug->task_coro == l->task_coro + larger &&
		debug->task_name == l->task_name + larger && debug->task_node == l->task_node + larger &&
		debug->awaited_by == l->awaited_by + larger &&
		debug->awaited_by_is_set == l->awaited_by_is_set + larger);
}

void py_tasks_read(const struct py_tasks_reader *r, const struct py_tstates *threads, struct py_tasks *out)
{
	struct reading *g = xcalloc(1, sizeof(*g));

	*out = (struct py_tasks){0};
	*g = (struct reading){.from = r, .threads = threads, .out = out};
	out->is_unknown = !awaitables_init(&g->a, r->build, r->read, r->ctx) || !fits(&g->a, r->debug);
	if (!out->is_unknown) {
		g->a.r.reads_left = MAX_READS;
		for (size_t i = 0; i < threads->cnt; i++) {
			bool seen = false;

			for (size_t k = 0; k < i; k++)
				seen |= threads->items[k].interp_addr == threads->items[i].interp_addr;
			g->interp = threads->items[i].interp_addr;
			if (!seen)
				read_interp(g);
		}
	}
	if (out->cnt)
		qsort(out->items, out->cnt, sizeof(*out->items), compare_tasks);
	free(g->found);
	free(g->current);
	free(g);
}

bool py_tasks_are_there(const struct py_tasks_reader *r, const struct py_tstates *threads)
{
	struct object_reader o;
	uint64_t last = 0;
	bool found = false;

	if (!object_reader_init(&o, r->build, r->read, r->ctx))
		return false;
	for (size_t i = 0; i < threads->cnt && !found; i++) {
		uint64_t interp = threads->items[i].interp_addr;

		found = interp != last && module_dict(&o, interp, ASYNCIO_TASKS);
		last = interp;
	}
	return found;
}

void py_tasks_free(struct py_tasks *t)
{
	for (size_t i = 0; i < t->cnt; i++) {
		free(t->items[i].name);
		free(t->items[i].waits_type);
		free(t->items[i].coroutines);
	}
	for (size_t i = 0; i < t->loop_cnt; i++)
		free(t->loops[i].type);
	free(t->items);
	free(t->loops);
	*t = (struct py_tasks){0};
}
