/* SPDX-License-Identifier: MIT */
/* Heads of requests, good ones and what else may be sent to a port. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "user/serve/head.h"
#include "user/util/alloc.h"

static char text[HEAD_MAX + 1];
static struct head head;

static int parse(const char *bytes)
{
	const char *why = NULL;
	size_t len = strlen(bytes);
	int status;

	assert_int_equal(head_length(bytes, len), len);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(head_length(bytes, i), 0);
	memcpy(text, bytes, len + 1);
	status = head_parse(text, len, &head, &why);
	assert_true(!status || *why);
	return status;
}

static void requests(void **state)
{
	(void)state;
	assert_int_equal(parse("GET /metrics HTTP/1.1\r\nHost: localhost:9100\r\nAccept: */*\r\n\r\n"), 0);
	assert_string_equal(head.path, "/metrics");
	assert_string_equal(head.host, "localhost:9100");
	assert_int_equal(head.param_cnt, 0);
	assert_false(head.without_body);
	assert_int_equal(parse("HEAD / HTTP/1.0\n\n"), 0);
	assert_true(head.without_body);
	assert_null(head.host);
	assert_int_equal(parse("GET / HTTP/1.1\r\nhOsT: \t [::1] \t \r\n\r\n"), 0);
	assert_string_equal(head.host, "[::1]");
	assert_int_equal(parse("GET http://evil.example/x HTTP/1.1\r\nHost: localhost\r\n\r\n"), 0);
	assert_string_equal(head.host, "evil.example");
	assert_string_equal(head.path, "/x");
}

static void parameters(void **state)
{
	(void)state;
	assert_int_equal(
		parse("GET /pro%66ile?seconds=10&&format=svg&container=a%2Fb+c%26d&x&y=&z=1=2 HTTP/1.0\r\n\r\n"), 0);
	assert_string_equal(head.path, "/profile");
	assert_int_equal(head.param_cnt, 6);
	assert_string_equal(head.params[0].name, "seconds");
	assert_string_equal(head.params[0].value, "10");
	assert_string_equal(head.params[2].value, "a/b c&d");
	assert_string_equal(head.params[3].name, "x");
	assert_string_equal(head.params[3].value, "");
	assert_string_equal(head.params[4].value, "");
	assert_string_equal(head.params[5].value, "1=2");
	assert_int_equal(parse("GET /a+b? HTTP/1.0\r\n\r\n"), 0);
	assert_string_equal(head.path, "/a+b");
}

static void what_is_refused(void **state)
{
	static const struct {
		const char *bytes;
		int status;
	} cases[] = {
		{"POST / HTTP/1.1\r\nHost: localhost\r\n\r\n", 405},
		{"DELETE / HTTP/1.1\r\nHost: localhost\r\n\r\n", 405},
		{"get / HTTP/1.1\r\nHost: localhost\r\n\r\n", 405},
		{"GET / HTTP/2.0\r\nHost: localhost\r\n\r\n", 505},
		{"GET / HTTP/1.10\r\nHost: localhost\r\n\r\n", 505},
		{"GET / HTTP/1.1 \r\nHost: localhost\r\n\r\n", 505},
		{"GET / HTTP/1.1\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", 400},
		{"GET / \r\nHost: a\r\n\r\n", 400},
		{"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		{"GET /\r\n\r\n", 400},
		{"GE(T / HTTP/1.0\r\n\r\n", 400},
		{" GET / HTTP/1.0\r\n\r\n", 400},
		{"GET * HTTP/1.0\r\n\r\n", 400},
		{"GET metrics HTTP/1.0\r\n\r\n", 400},
		{"GET /%00 HTTP/1.0\r\n\r\n", 400},
		{"GET /%4 HTTP/1.0\r\n\r\n", 400},
		{"GET /%zz HTTP/1.0\r\n\r\n", 400},
		{"GET /?a=%1b HTTP/1.0\r\n\r\n", 400},
		{"GET /?a=%7f HTTP/1.0\r\n\r\n", 400},
		{"GET /?1&2&3&4&5&6&7&8&9&10&11&12&13&14&15&16&17 HTTP/1.0\r\n\r\n", 400},
		{"\x16\x03\x01\x02 TLS\n\n", 400},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (parse(cases[i].bytes) != cases[i].status)
			fail_msg("not %d: %s", cases[i].status, cases[i].bytes);
}

static void zeros(void **state)
{
	char bytes[] = "GET / HTTP/1.0\r\nA: \0b\r\n\r\n";
	const char *why;

	(void)state;
	assert_int_equal(head_length(bytes, sizeof(bytes) - 1), sizeof(bytes) - 1);
	assert_int_equal(head_parse(bytes, sizeof(bytes) - 1, &head, &why), 400);
}

static void hosts(void **state)
{
	static const char *const ours[] = {"localhost", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:9100",
					   "127.1.2.3", "[::1]",       "[::1]:80",  NULL};
	static const char *const others[] = {"",
					     "evil.example",
					     "localhost.evil.example",
					     "127.0.0.1.evil.example",
					     "128.0.0.1",
					     "0.0.0.0",
					     "[::2]",
					     "[::1",
					     "::1",
					     "127.1",
					     "localhost:x",
					     "localhost@evil.example",
					     "[::1]x",
					     "127.0.0.1:9100@evil.example",
					     NULL};

	(void)state;
	for (const char *const *h = ours; *h; h++)
		if (!head_is_loopback(*h))
			fail_msg("%s", *h);
	for (const char *const *h = others; *h; h++)
		if (head_is_loopback(*h))
			fail_msg("%s", *h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests), cmocka_unit_test(parameters), cmocka_unit_test(what_is_refused),
		cmocka_unit_test(zeros),    cmocka_unit_test(hosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
