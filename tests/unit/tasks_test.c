/* SPDX-License-Identifier: MIT */
/*
 * What .AsyncioDebug says, names of tasks in order, and objects of asyncio in memory that holds anything at all: they must
 * end and keep to their limits. That tasks are right is for tests/live/test_tasks.py.
 */
#include "tests/unit/arena.h"
#include "user/python/asyncio_debug.h"
#include "user/python/awaiters.h"
#include "user/python/tasks.h"
#include "user/python/versions.h"
#include "user/util/alloc.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

/* ---- .AsyncioDebug ---------------------------------------------------------------------------------------- */

/* Of 3.14.6 and 3.15.2, as builds of them have it. */
static const uint64_t of_builds[][ASYNCIO_DEBUG_WORDS] = {
	{168, 136, 96, 108, 109, 128, 152, 225864, 10880, 936, 864, 872, 880},
	{168, 136, 96, 108, 109, 128, 152, 226240, 10856, 1104, 1024, 1032, 1048},
};

static void test_section(void **state)
{
	struct py_asyncio_debug debug;

	(void)state;
	assert_true(asyncio_debug_decode(of_builds[0], &debug));
	assert_int_equal(debug.task_bytes, 168);
	assert_int_equal(debug.task_name, 136);
	assert_int_equal(debug.awaited_by, 96);
	assert_int_equal(debug.awaited_by_is_set, 109);
	assert_int_equal(debug.task_coro, 128);
	assert_int_equal(debug.task_node, 152);
	assert_int_equal(debug.interp_tasks, 10880);
	assert_int_equal(debug.thread_loop, 864);
	assert_int_equal(debug.thread_task, 872);
	assert_int_equal(debug.thread_tasks, 880);
	assert_true(asyncio_debug_decode(of_builds[1], &debug));
	assert_int_equal(debug.thread_tasks, 1048);
}

/* Of that, what the kernel side reads; and nothing, where it is not of such a build. */
static void test_layout(void **state)
{
	struct py_asyncio_debug debug, other;
	struct py_build build = {0}, old = {0};

	(void)state;
	py_version_apply(py_version_find(14, false), &build);
	py_version_apply(py_version_find(13, false), &old);
	assert_true(asyncio_debug_decode(of_builds[0], &debug));
	assert_true(asyncio_debug_fits(&debug, &build));
	asyncio_debug_apply(&debug, &build);
	assert_int_equal(build.layout.ts_task_off, 872);
	assert_int_equal(build.layout.task_name_off, 136);
	assert_int_equal(build.layout.task_coro_off, 128);
	assert_int_equal(build.layout.task_awaiter_off, 96);
	assert_int_equal(build.layout.task_is_task_off, 108);
	assert_int_equal(build.layout.task_several_off, 109);
	assert_int_equal(build.layout.coro_name_off, 32);
	assert_int_equal(build.asyncio_debug.thread_tasks, 880);
	asyncio_debug_apply(&debug, &old);
	assert_int_equal(old.layout.ts_task_off, 0);
	py_version_apply(py_version_find(14, false), &build);
	assert_int_equal(build.layout.ts_task_off, 0);
	other = debug;
	other.task_name += 8;
	asyncio_debug_apply(&other, &build);
	other = debug;
	other.thread_task = UINT16_MAX + 1;
	asyncio_debug_apply(&other, &build);
	other = debug;
	other.is_task = ABI_TASK_BLOCK;
	asyncio_debug_apply(&other, &build);
	other = (struct py_asyncio_debug){0};
	asyncio_debug_apply(&other, &build);
	assert_int_equal(build.layout.ts_task_off, 0);
	py_version_apply(py_version_find(14, true),
			 &build); /* free-threaded: all behind PyObject is 16 bytes further */
	asyncio_debug_apply(&debug, &build);
	assert_int_equal(build.layout.ts_task_off, 0);
	debug.task_name += 16;
	debug.task_coro += 16;
	debug.task_node += 16;
	debug.awaited_by += 16;
	debug.is_task += 16;
	debug.awaited_by_is_set += 16;
	asyncio_debug_apply(&debug, &build);
	assert_int_equal(build.layout.task_name_off, 152);
	assert_int_equal(build.layout.coro_name_off, 48);
}

/* No number of it may lead out of the struct that it is of. */
static void test_wrong_sections(void **state)
{
	static const uint64_t wrong[] = {0, 7, (1u << 24) + 8, ~0ull, ~0ull - 15};
	struct py_asyncio_debug debug;

	(void)state;
	for (size_t i = 0; i < ASYNCIO_DEBUG_WORDS; i++)
		for (size_t k = 0; k < ARRAY_SIZE(wrong); k++) {
			uint64_t words[ASYNCIO_DEBUG_WORDS];

			memcpy(words, of_builds[0], sizeof(words));
			words[i] = wrong[k];
			debug.task_bytes = 1;
			assert_false(asyncio_debug_decode(words, &debug));
			assert_int_equal(debug.task_bytes, 0);
		}
}

/* ---- names -------------------------------------------------------------------------------------------------- */

static void test_names_in_order(void **state)
{
	static const char *const names[] = {"",         "Task",    "Task-2", "Task-10", "Task-10a",
					    "Task-10b", "Task-11", "a",      "b"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
			int order = py_task_name_compare(names[i], names[k]);

			assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
		}
}

/* ---- any memory --------------------------------------------------------------------------------------------- */

#define TYPES     16 /* at the start: 64 words each */
#define ROUNDS    400
#define MAX_READS (1u << 18) /* of one question */

static void fill_types(struct arena *a, const struct py_asyncio *l)
{
	static const char *const names[TYPES] = {
		"coroutine",
		"generator",
		"async_generator",
		"async_generator_asend",
		"_asyncio.Task",
		"_asyncio.Future",
		"function",
		"method",
		"functools.partial",
		"builtin_function_or_method",
		"cell",
		"TaskWakeupMethWrapper",
		"tuple",
		"list",
		"set",
		"str",
	};

	for (size_t i = 0; i < TYPES; i++) {
		uint64_t *type = a->words + i * 64;

		memset(type, 0, 64 * sizeof(*type));
		type[3] = BASE + i * 64 * 8 + 400; /* tp_name */
		type[4] = l->task_bytes;           /* tp_basicsize */
		strcpy((char *)(type + 50), names[i]);
	}
}

/* Pointers, types and small numbers: many objects make sense, and lead in circles. */
static void fill(struct arena *a, const struct py_asyncio *l)
{
	for (size_t i = TYPES * 64; i < WORDS; i++) {
		switch (draw(a) % 6) {
		case 0:
		case 1:
			a->words[i] = BASE + TYPES * 64 * 8 + draw(a) % (WORDS - TYPES * 64) * 8;
			break;
		case 2:
		case 3:
			a->words[i] = BASE + draw(a) % TYPES * 64 * 8;
			break;
		case 4:
			a->words[i] = draw(a) % 6;
			break;
		default:
			a->words[i] = draw(a);
		}
	}
	fill_types(a, l);
}

/* Every object is asked about, as if it were a task, and a coroutine. */
static size_t ask_all(struct arena *a, struct awaitables *w)
{
	size_t found = 0;

	for (uint64_t addr = BASE + TYPES * 64 * 8; addr < BASE + WORDS * 8; addr += 8) {
		enum awaitable_kind kind = awaitable_kind_of(w, addr);
		struct py_task t = {.addr = addr};
		uint64_t inner = 0;
		bool not_started;

		a->reads = 0;
		w->r.reads_left = MAX_READS;
		if (kind == AWAITABLE_C_TASK || kind == AWAITABLE_C_FUTURE)
			task_find_awaiters(w, &t);
		else if (kind == AWAITABLE_COROUTINE || kind == AWAITABLE_GENERATOR)
			coroutine_frame(w, addr, kind, &inner, &not_started);
		assert_true(t.awaited_by_cnt <= PY_AWAITERS_MAX);
		assert_true(a->reads <= MAX_READS);
		found += t.awaited_by_cnt + (inner != 0);
	}
	return found;
}

static void test_any_memory(void **state)
{
	struct arena *a = xcalloc(1, sizeof(*a));
	struct awaitables *w = xcalloc(1, sizeof(*w));
	size_t cnt, found = 0;
	const struct py_version *rows = py_versions(&cnt);

	(void)state;
	a->seed = 1;
	for (size_t i = 0; i < ROUNDS; i++) {
		struct py_build build = {.supported = true};

		py_version_apply(&rows[i % cnt], &build);
		if (!awaitables_init(w, &build, read_arena, a))
			continue;
		fill(a, build.asyncio);
		found += ask_all(a, w);
	}
	assert_true(found > ROUNDS); /* or it is not about anything */
	free(w);
	free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_section),        cmocka_unit_test(test_layout),
		cmocka_unit_test(test_wrong_sections), cmocka_unit_test(test_names_in_order),
		cmocka_unit_test(test_any_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
