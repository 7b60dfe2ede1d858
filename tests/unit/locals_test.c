/* SPDX-License-Identifier: MIT */
/*
 * Locals of frames in memory that holds anything at all. That they are right is for tests/live/test_dump.py; here
 * they must end, keep to their limits, and be clean. And objects as free-threaded builds lay them out, which are hard to get.
 */
#include "tests/unit/arena.h"
#include "user/python/locals.h"
#include "user/python/objects.h"
#include "user/python/versions.h"
#include "user/util/alloc.h"
#include "user/util/text.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define TYPES   8 /* at the start: 64 words each */
#define MAX_LEN 200

/* Pointers, types, sizes and states of strings where the dice want them: many objects make sense. */
static uint64_t draw_word(struct arena *a)
{
	switch (draw(a) % 8) {
	case 0:
	case 1:
	case 2:
		return BASE + draw(a) % WORDS * 8;
	case 3:
	case 4:
		return BASE + draw(a) % TYPES * 64 * 8;
	case 5:
		return draw(a) % 6;
	case 6:
		return 0xe4; /* PyASCIIObject.state: kind 1, compact, ascii */
	default:
		return draw(a);
	}
}

static void fill_types(struct arena *a)
{
	static const char *const names[TYPES] = {"int", "str", "tuple", "list", "dict", "cell", "set", "float"};
	static const unsigned bits[TYPES] = {24, 28, 26, 25, 29, 63, 63, 63};

	for (size_t i = 0; i < TYPES; i++) {
		uint64_t *type = a->words + i * 64;

		type[3] = BASE + i * 64 * 8 + 400; /* tp_name */
		type[21] = 1ull << bits[i];        /* tp_flags */
		type[50] = type[51] = 0;
		strcpy((char *)(type + 50), names[i]);
	}
}

static void fill(struct arena *a)
{
	for (size_t i = 0; i < WORDS; i++)
		a->words[i] = draw_word(a);
	fill_types(a);
}

static void assert_clean(const char *text)
{
	__cleanup_free char *again = text_clean(text, strlen(text), 0);

	assert_string_equal(again, text);
}

static size_t check(struct py_locals *l)
{
	size_t cnt = l->cnt;

	assert_in_range(cnt, 0, 1024);
	for (size_t i = 0; i < cnt; i++) {
		assert_clean(l->items[i].name);
		assert_clean(l->items[i].type);
		assert_clean(l->items[i].text);
		assert_in_range(strlen(l->items[i].text), 1, MAX_LEN + 3);
	}
	py_locals_free(l);
	return cnt;
}

static void test_anything_in_memory(void **state)
{
	struct arena *a = xcalloc(1, sizeof(*a));
	size_t found = 0, cnt;
	const struct py_version *rows = py_versions(&cnt);

	(void)state;
	a->seed = 0x9e3779b97f4a7c15ull;
	for (unsigned i = 0; i < 3000; i++) {
		struct py_build build = {.supported = true};
		struct py_locals_reader r = {&build, read_arena, a, MAX_LEN};
		struct py_locals l;

		py_version_apply(&rows[i % cnt], &build);
		fill(a);
		a->reads = 0;
		py_locals_read(&r, BASE + draw(a) % WORDS * 8, BASE + draw(a) % WORDS * 8, &l);
		assert_in_range(a->reads, 0, 20000);
		found += check(&l);
	}
	assert_true(found > 100); /* or nothing was tried */
	free(a);
}

static void test_unreadable(void **state)
{
	struct arena *a = xcalloc(1, sizeof(*a));
	struct py_build build = {.supported = true};
	struct py_locals_reader r = {&build, read_arena, a, MAX_LEN};
	struct py_locals l;

	(void)state;
	py_version_apply(py_version_find(12, false), &build);
	py_locals_read(&r, 0, 8, &l);
	assert_int_equal(check(&l), 0);
	py_locals_read(&r, ~0ull, ~7ull, &l);
	assert_int_equal(check(&l), 0);
	build.supported = false;
	py_locals_read(&r, BASE, BASE, &l);
	assert_int_equal(check(&l), 0);
	free(a);
}

/* Where in the arena they begin, in words */
enum {
	INT_TYPE = 0,
	STR_TYPE = 64,
	DICT_TYPE = 128,
	CLASS = 192,
	NUMBER = 256,
	TEXT = 264,
	DICT = 280,
	KEYS = 288,
	THING = 305
};

/* Include/object.h with Py_GIL_DISABLED: ob_type at 24; what follows PyObject is 16 bytes further than in default builds. */
static uint64_t put_head(struct arena *a, unsigned at, unsigned type)
{
	a->words[at + 3] = BASE + type * 8;
	return BASE + at * 8;
}

static uint64_t make_thing(struct arena *a)
{
	static const uint64_t flags[] = {OBJECT_IS_INT, OBJECT_IS_STR, OBJECT_IS_DICT, OBJECT_HEAP_TYPE | 1ul << 4};
	uint64_t number = put_head(a, NUMBER, INT_TYPE), text = put_head(a, TEXT, STR_TYPE), dict;

	for (unsigned i = 0; i < ARRAY_SIZE(flags); i++)
		a->words[64 * i + 23] = flags[i]; /* tp_flags */
	a->words[NUMBER + 4] = 1 << 3;            /* lv_tag: one digit */
	a->words[NUMBER + 5] = 77;
	a->words[TEXT + 4] = 2;
	a->words[TEXT + 6] = 1 << 8 | 1 << 11 | 1 << 12; /* 3.14t: kind, compact, ascii */
	memcpy(&a->words[TEXT + 7], "ab", 3);
	dict = put_head(a, DICT, DICT_TYPE);
	a->words[DICT + 6] = BASE + KEYS * 8;
	a->words[KEYS + 1] = 3 | 3 << 8 | 1 << 16; /* 8 places, of strings */
	a->words[KEYS + 3] = 1;
	a->words[KEYS + 5] = text; /* behind 8 bytes of indices */
	a->words[KEYS + 6] = number;
	a->words[THING - 1] = dict;
	return put_head(a, THING, CLASS);
}

static void test_objects_of_a_free_threaded_build(void **state)
{
	struct arena *a = xcalloc(1, sizeof(*a));
	struct py_build build = {.supported = true};
	struct object_reader r;
	struct object_dict d;
	uint64_t at = 0, value = 0;

	(void)state;
	py_version_apply(py_version_find(14, true), &build);
	assert_true(object_reader_init(&r, &build, read_arena, a));
	assert_true(object_dict__open_instance(&d, &r, make_thing(a)));
	assert_true(object_dict__find(&d, &r, "ab", &at) && object_read_int(&r, at, &value));
	assert_int_equal(value, 77);
	object_dict__free(&d);
	free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_anything_in_memory),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_objects_of_a_free_threaded_build),
	};

	return cmocka_run_group_tests_name("locals", tests, NULL, NULL);
}
