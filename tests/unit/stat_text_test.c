/* SPDX-License-Identifier: MIT */
/* Fields of /proc/PID/stat, whose second one may hold anything. */
#include "user/os/stat_text.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void test_fields(void **state)
{
	static const char text[] = "12 (a) S 99 (b) R 7 12 12 0 -1 4194560 18446744073709551615\n";

	(void)state;
	assert_int_equal(*stat_field(text, 3), 'R');
	assert_int_equal(stat_number(text, 4), 7);
	assert_int_equal(stat_number(text, 9), 4194560);
	assert_true(stat_number(text, 10) == UINT64_MAX);
}

static void test_what_is_not_there(void **state)
{
	(void)state;
	assert_null(stat_field("12 (a) R 7 8", 6));
	assert_int_equal(stat_number("12 (a) R 7 8", 6), 0);
	assert_null(stat_field("12 (a", 3));
	assert_null(stat_field("", 3));
	assert_null(stat_field(NULL, 3));
	assert_null(stat_field("12 (a)", 3));
	assert_null(stat_field("12 (a) ", 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_what_is_not_there),
	};

	return cmocka_run_group_tests_name("stat_text", tests, NULL, NULL);
}
