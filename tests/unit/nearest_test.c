/* SPDX-License-Identifier: MIT */
/* Typing errors: which are near enough to be taken for a word, and which are not. */
#include "user/util/nearest.h"
#include "user/util/alloc.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
/* after these */
#include <cmocka.h>

static const char *const words[] = {"record", "report", "flamegraph", "convert", "svg", "json", NULL};

static void test_distance(void **state)
{
	static const struct {
		const char *a, *b;
		size_t distance;
	} cases[] = {
		{"", "", 0},         {"", "abc", 3},           {"abc", "", 3},   {"abc", "abc", 0},
		{"abc", "ABC", 0},   {"abc", "acb", 1},        {"abc", "ab", 1}, {"abc", "xabc", 1},
		{"flat", "flot", 1}, {"kitten", "sitting", 3}, {"ca", "abc", 3}, {"recrod", "record", 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(nearest_distance(cases[i].a, cases[i].b), cases[i].distance);
		assert_int_equal(nearest_distance(cases[i].b, cases[i].a), cases[i].distance);
	}
}

static void test_long_words(void **state)
{
	char a[200], b[101];

	(void)state;
	memset(a, 'a', sizeof(a));
	memset(b, 'a', sizeof(b));
	a[sizeof(a) - 1] = b[sizeof(b) - 1] = 0;
	assert_int_equal(nearest_distance(a, b), sizeof(a) - 1);
	assert_null(nearest_word(a, words));
}

static void test_word(void **state)
{
	(void)state;
	assert_string_equal(nearest_word("recrod", words), "record");
	assert_string_equal(nearest_word("flamgraph", words), "flamegraph");
	assert_string_equal(nearest_word("SVG", words), "svg");
	assert_string_equal(nearest_word("vsg", words), "svg");
	assert_string_equal(nearest_word("flame", words), "flamegraph"); /* a beginning */
	assert_string_equal(nearest_word("jsno", words), "json");
	assert_null(nearest_word("", words));
	assert_null(nearest_word("pdf", words));
	assert_null(nearest_word("x", words)); /* not every short word is near every other */
	assert_null(nearest_word("something else", words));
}

static void test_hint(void **state)
{
	static const char *const two[] = {"flame", "icicle", NULL}, *const one[] = {"cpu", NULL};
	__cleanup_free char *near = nearest_hint("flmae", two);
	__cleanup_free char *far = nearest_hint("round", two);
	__cleanup_free char *only = nearest_hint("x", one);
	__cleanup_free char *list = nearest_hint_of("lin", "function, line, file");

	(void)state;
	assert_string_equal(near, "did you mean flame? Known are flame and icicle");
	assert_string_equal(far, "known are flame and icicle");
	assert_string_equal(only, "known is cpu");
	assert_string_equal(list, "did you mean line? Known are function, line and file");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_distance),
		cmocka_unit_test(test_long_words),
		cmocka_unit_test(test_word),
		cmocka_unit_test(test_hint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
