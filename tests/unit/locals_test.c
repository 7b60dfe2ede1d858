/*
 * Locals of frames in memory that holds anything at all. That they are right is for tests/live/test_dump.py; here
 * they must end, keep to their limits, and be clean.
 */
#include "user/python/locals.h"
#include "user/python/versions.h"
#include "user/util/alloc.h"
#include "user/util/text.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define BASE	0x10000000ull
#define WORDS	0x1000
#define TYPES	8 /* at the start: 64 words each */
#define MAX_LEN 200

struct arena {
	uint64_t words[WORDS];
	uint64_t seed, reads;
};

/* xorshift64*: the same numbers everywhere */
static uint64_t draw(struct arena *a)
{
	a->seed ^= a->seed >> 12;
	a->seed ^= a->seed << 25;
	a->seed ^= a->seed >> 27;
	return a->seed * 0x2545f4914f6cdd1dull;
}

static int read_arena(void *ctx, uint64_t addr, void *out, size_t len)
{
	struct arena *a = ctx;

	a->reads++;
	if (addr < BASE || len > sizeof(a->words) || addr - BASE > sizeof(a->words) - len)
		return -EFAULT;
	memcpy(out, (char *)a->words + (addr - BASE), len);
	return 0;
}

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
		type[21] = 1ull << bits[i];	   /* tp_flags */
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
	size_t found = 0;

	(void)state;
	a->seed = 0x9e3779b97f4a7c15ull;
	for (unsigned i = 0; i < 3000; i++) {
		const struct py_version *row = py_version_find(PY_VERSION_OLDEST + i % 6);
		struct py_build build = {.supported = true, .layout = row->layout, .objects = row->objects};
		struct py_locals_reader r = {&build, read_arena, a, MAX_LEN};
		struct py_locals l;

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
	struct py_build build = {.supported = true, .objects = {.minor = 12}};
	struct py_locals_reader r = {&build, read_arena, a, MAX_LEN};
	struct py_locals l;

	(void)state;
	py_locals_read(&r, 0, 8, &l);
	assert_int_equal(check(&l), 0);
	py_locals_read(&r, ~0ull, ~7ull, &l);
	assert_int_equal(check(&l), 0);
	build.objects.minor = 99;
	py_locals_read(&r, BASE, BASE, &l);
	assert_int_equal(check(&l), 0);
	free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_anything_in_memory),
		cmocka_unit_test(test_unreadable),
	};

	return cmocka_run_group_tests_name("locals", tests, NULL, NULL);
}
