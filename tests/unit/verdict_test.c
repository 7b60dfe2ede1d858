/* SPDX-License-Identifier: MIT */
/* What answers mean, and how long the next try waits. */
#include "user/push/verdict.h"
#include "user/util/alloc.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define SECOND 1000000000ull

static void test_verdicts(void **state)
{
	static const struct {
		int status;
		bool connected;
		enum verdict verdict;
	} rows[] = {
		{200, true, VERDICT_SENT},    {204, true, VERDICT_SENT},    {299, true, VERDICT_SENT},
		{301, true, VERDICT_REFUSED}, {307, true, VERDICT_REFUSED}, {400, true, VERDICT_REFUSED},
		{401, true, VERDICT_REFUSED}, {404, true, VERDICT_REFUSED}, {413, true, VERDICT_REFUSED},
		{422, true, VERDICT_REFUSED}, {428, true, VERDICT_REFUSED}, {429, true, VERDICT_LATER},
		{430, true, VERDICT_REFUSED}, {499, true, VERDICT_REFUSED}, {500, true, VERDICT_FEW},
		{502, true, VERDICT_FEW},     {503, true, VERDICT_LATER},   {504, true, VERDICT_FEW},
		{599, true, VERDICT_FEW},     {0, true, VERDICT_FEW},       {0, false, VERDICT_LATER},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct http_answer a = {.status = rows[i].status, .connected = rows[i].connected};

		if (verdict_of(&a) != rows[i].verdict)
			fail_msg("%d", rows[i].status);
	}
}

/* Whoever says so, it is no back end. */
static void test_pages(void **state)
{
	struct http_answer page = {.status = 200, .connected = true, .body = {.data = (char[]){"<!doctype"}, .len = 9}};

	(void)state;
	assert_int_equal(verdict_of(&page), VERDICT_REFUSED);
	page.status = 503;
	assert_int_equal(verdict_of(&page), VERDICT_LATER); /* as proxies have them */
	page.status = 200;
	page.body.data[0] = '{';
	assert_int_equal(verdict_of(&page), VERDICT_SENT);
}

/* From half of it on to all of it. */
static void test_waits_double(void **state)
{
	uint64_t wait = VERDICT_WAIT_FIRST;

	(void)state;
	for (unsigned failures = 1; failures < 100; failures++) {
		assert_int_equal(verdict_wait_ns(failures, 0, 0), wait / 2);
		assert_int_equal(verdict_wait_ns(failures, 0, wait / 2), wait);
		for (uint64_t random = 1; random < UINT64_MAX / 3; random *= 3)
			assert_in_range(verdict_wait_ns(failures, 0, random), wait / 2, wait);
		wait = wait * 2 < VERDICT_WAIT_MOST ? wait * 2 : VERDICT_WAIT_MOST;
	}
	assert_int_equal(wait, VERDICT_WAIT_MOST);
	assert_true(verdict_wait_ns(~0u, 0, ~0ull) <= VERDICT_WAIT_MOST);
}

static void test_what_servers_ask_for(void **state)
{
	(void)state;
	/* Never less, and a little more, of which the whole fleet makes use. */
	for (uint64_t random = 0; random < 100 * SECOND; random += SECOND / 7)
		assert_in_range(verdict_wait_ns(1, 30 * SECOND, random), 30 * SECOND, 30 * SECOND + 30 * SECOND / 8);
	assert_true(verdict_wait_ns(1, 30 * SECOND, 1) != verdict_wait_ns(1, 30 * SECOND, SECOND));
	/* Less than we would wait ourselves. */
	assert_true(verdict_wait_ns(20, SECOND, 0) >= VERDICT_WAIT_MOST / 2);
	/* No server can silence us for a day. */
	assert_true(verdict_wait_ns(1, 86400 * SECOND, ~0ull) <= VERDICT_ASKED_MOST + VERDICT_ASKED_MOST / 8);
	assert_true(verdict_wait_ns(1, ~0ull, ~0ull) <= VERDICT_ASKED_MOST + VERDICT_ASKED_MOST / 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_waits_double),
		cmocka_unit_test(test_what_servers_ask_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
