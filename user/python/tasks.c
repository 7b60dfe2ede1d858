/* SPDX-License-Identifier: MIT */
/* What is known of each task, from the places where they are kept (task_lists.c). */
#include "user/python/tasks.h"
#include "user/python/awaiters.h"
#include "user/python/modules.h"
#include "user/python/objects_common.h"
#include "user/python/task_lists.h"
#include "user/python/type_name.h"
#include "user/util/alloc.h"
#include <string.h>

#define MAX_READS      (8u << 20)
#define MAX_COROUTINES 512        /* of a task … */
#define MAX_FRAMES     (1u << 18) /* … and of all */

struct reading {
	struct awaitables a;
	const struct py_tstates *threads;
	struct py_tasks *out;
	uint64_t interp;
	struct task_list list;
	size_t frame_cnt;
};

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

static void look_at_threads(struct reading *g)
{
	for (size_t i = 0; i < g->threads->cnt; i++) {
		const struct py_tstate *t = &g->threads->items[i];
		uint64_t loop;

		if (t->interp_addr != g->interp)
			continue;
		task_list_of_thread(&g->a, t->addr, &g->list);
		loop = task_running_loop(&g->a, t->addr);
		if (loop)
			get_loop(g, loop)->thread = t->addr;
	}
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
			object_read_u64(&g->a.r, object_at(&g->a.r, at, OB_BODY), &inner);
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
	for (size_t i = 0; i < g->list.current_cnt; i++)
		if (g->list.current[i] == addr)
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
	struct task_list *l = &g->list;

	if (!module)
		return;
	/* Those of the module in C are kept where only itself says; without it, all are in sets. */
	g->out->is_unknown |=
		g->a.layout->task_node && !g->a.debug->task_bytes && module_dict(&g->a.r, g->interp, "_asyncio");
	l->found_cnt = l->current_cnt = 0;
	task_list_of_interp(&g->a, g->interp, module, l);
	look_at_threads(g);
	g->out->is_cut |= l->is_cut;
	if (l->found_cnt)
		qsort(l->found, l->found_cnt, sizeof(*l->found), compare_words);
	for (size_t i = 0; i < l->found_cnt; i++)
		if (!i || l->found[i] != l->found[i - 1])
			read_task(g, l->found[i]);
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

void py_tasks_read(const struct py_tasks_reader *r, const struct py_tstates *threads, struct py_tasks *out)
{
	struct reading *g = xcalloc(1, sizeof(*g));

	*out = (struct py_tasks){0};
	*g = (struct reading){.threads = threads, .out = out};
	out->is_unknown = !awaitables_init(&g->a, r->build, r->read, r->ctx) ||
			  (r->debug->task_bytes && !asyncio_debug_fits(r->debug, r->build));
	g->a.debug = r->debug;
	if (!out->is_unknown) {
		g->a.r.reads_left = MAX_READS;
		for (size_t i = 0; i < threads->cnt; i++) {
			uint64_t last = g->interp; /* threads of one are side by side */

			g->interp = threads->items[i].interp_addr;
			if (g->interp != last)
				read_interp(g);
		}
	}
	if (out->cnt)
		qsort(out->items, out->cnt, sizeof(*out->items), compare_tasks);
	free(g->list.found);
	free(g->list.current);
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
