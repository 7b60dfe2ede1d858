/* SPDX-License-Identifier: MIT */
/* Answers of servers, cut anywhere, good and bad; Retry-After. */
#include "user/push/http_wire.h"
#include "user/push/http.h"
#include "user/util/alloc.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define SECOND 1000000000ull
#define NOW    1000000000ull /* 2001-09-09 01:46:40 */

struct row {
	const char *bytes;
	enum http_wire_state state;
	int status;
	const char *body;
	bool keeps_alive;
	size_t rest; /* that are none of it */
};

static void check(const struct http_wire *w, const struct row *r, size_t taken)
{
	assert_int_equal(w->state, r->state);
	if (r->state == HTTP_WIRE_BAD) {
		assert_non_null(w->why);
		return;
	}
	assert_int_equal(w->status, r->status);
	assert_int_equal(w->body.len, strlen(r->body));
	assert_memory_equal(w->body.data ? w->body.data : "", r->body, strlen(r->body));
	assert_int_equal(w->keeps_alive, r->keeps_alive);
	assert_int_equal(strlen(r->bytes) - taken, r->rest);
}

/* In pieces of that size; at the end of all of them the connection ends, too, where the answer does not. */
static void feed(const struct row *r, size_t piece)
{
	size_t len = strlen(r->bytes), at = 0, taken = 0;
	struct http_wire w;

	http_wire__init(&w, false, NOW);
	while (at < len && w.state < HTTP_WIRE_DONE) {
		size_t n = len - at < piece ? len - at : piece;

		taken += http_wire__feed(&w, r->bytes + at, n);
		at += n;
	}
	if (w.state < HTTP_WIRE_DONE)
		http_wire__end(&w);
	check(&w, r, taken);
	http_wire__clear(&w);
}

static void check_rows(const struct row *rows, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++)
		for (size_t piece = 1; piece <= strlen(rows[i].bytes); piece++)
			feed(&rows[i], piece);
}

static void test_good_answers(void **state)
{
	static const struct row rows[] = {
		{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", HTTP_WIRE_DONE, 200, "{}", true, 0},
		{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", HTTP_WIRE_DONE, 200, "", true, 0},
		{"HTTP/1.1 204\r\n\r\n", HTTP_WIRE_DONE, 204, "", true, 0},
		{"HTTP/1.1 204 No Content\r\n\r\n", HTTP_WIRE_DONE, 204, "", true, 0},
		{"HTTP/1.1 200 OK\ncontent-length:2\n\n{}", HTTP_WIRE_DONE, 200, "{}", true, 0},
		{"HTTP/1.1 200 OK\r\nContent-Length: 2 \t\r\nConnection: Close\r\n\r\n{}", HTTP_WIRE_DONE, 200, "{}",
		 false, 0},
		{"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", HTTP_WIRE_DONE, 200, "{}", false, 0},
		{"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}", HTTP_WIRE_DONE, 200, "{}",
		 true, 0},
		{"HTTP/1.1 400 Bad\r\n\r\nuntil the end", HTTP_WIRE_DONE, 400, "until the end", false, 0},
		{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", HTTP_WIRE_DONE, 200, "x",
		 true, 0},
		{"HTTP/1.1 102 P\r\nContent-Length: 9\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
		 HTTP_WIRE_DONE, 200, "x", true, 0},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1;x=y\r\nd\r\n0\r\n\r\n",
		 HTTP_WIRE_DONE, 200, "abcd", true, 0},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\nTrailer: 1\r\nMore: 2\r\n\r\n",
		 HTTP_WIRE_DONE, 200, "", true, 0},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: "
		 "99\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n",
		 HTTP_WIRE_DONE, 200, "0123456789", true, 0},
		/* It is over before its end: the status stands. */
		{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", HTTP_WIRE_DONE, 200, "{}", false, 0},
		{"HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc", HTTP_WIRE_DONE, 500, "abc", false, 0},
	};

	(void)state;
	check_rows(rows, ARRAY_SIZE(rows));
}

static void test_bad_answers(void **state)
{
	static const struct row rows[] = {
		{.bytes = "SSH-2.0-OpenSSH_9.2\r\n", .state = HTTP_WIRE_BAD},
		{.bytes = "\r\n\r\n", .state = HTTP_WIRE_BAD},
		{.bytes = "HTTP/2 200\r\n\r\n", .state = HTTP_WIRE_BAD},
		{.bytes = "HTTP/1.1 20 OK\r\n\r\n", .state = HTTP_WIRE_BAD},
		{.bytes = "HTTP/1.1 2000\r\n\r\n", .state = HTTP_WIRE_BAD},
		{.bytes = "HTTP/1.1 099 x\r\n\r\n", .state = HTTP_WIRE_BAD},
		{.bytes = "HTTP/1.1 600 x\r\n\r\n", .state = HTTP_WIRE_BAD},
		{.bytes = "HTTP/1.1 abc x\r\n\r\n", .state = HTTP_WIRE_BAD},
		{.bytes = "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", .state = HTTP_WIRE_BAD},
		{.bytes = "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", .state = HTTP_WIRE_BAD},
		{.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n", .state = HTTP_WIRE_BAD},
		{.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", .state = HTTP_WIRE_BAD},
		{.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n", .state = HTTP_WIRE_BAD},
		{.bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", .state = HTTP_WIRE_BAD},
		{.bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", .state = HTTP_WIRE_BAD},
		{.bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", .state = HTTP_WIRE_BAD},
		{.bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", .state = HTTP_WIRE_BAD},
		{.bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
		 .state = HTTP_WIRE_BAD},
		{.bytes = "HTTP/1.1 200 OK\r\nContent-Len", .state = HTTP_WIRE_BAD}, /* and the connection ends */
		{.bytes = "HTTP/1.1 100 Continue\r\n\r\n", .state = HTTP_WIRE_BAD},
	};
	struct http_wire w;

	(void)state;
	check_rows(rows, ARRAY_SIZE(rows));
	http_wire__init(&w, false, NOW);
	http_wire__end(&w);
	assert_int_equal(w.state, HTTP_WIRE_BAD);
	assert_string_equal(w.why, "the connection ended without an answer");
	http_wire__clear(&w);
}

static void test_what_follows_is_left(void **state)
{
	static const char bytes[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\n";
	struct http_wire w;

	(void)state;
	http_wire__init(&w, false, NOW);
	assert_int_equal(http_wire__feed(&w, bytes, strlen(bytes)), strlen(bytes) - 17);
	assert_int_equal(w.state, HTTP_WIRE_DONE);
	http_wire__clear(&w);
}

static void test_tunnels_have_no_body(void **state)
{
	static const char good[] = "HTTP/1.1 200 Connection established\r\nContent-Length: 5\r\n\r\n";
	static const char bad[] = "HTTP/1.1 407 No\r\nContent-Length: 2\r\n\r\nno";
	struct http_wire w;

	(void)state;
	http_wire__init(&w, true, NOW);
	http_wire__feed(&w, good, strlen(good));
	assert_int_equal(w.state, HTTP_WIRE_DONE);
	assert_int_equal(w.status, 200);
	http_wire__clear(&w);
	http_wire__init(&w, true, NOW);
	http_wire__feed(&w, bad, strlen(bad));
	assert_int_equal(w.state, HTTP_WIRE_DONE);
	assert_int_equal(w.body.len, 2);
	http_wire__clear(&w);
}

/* Neither lines, nor headers, nor bodies without an end are kept. */
static void test_no_end(void **state)
{
	static char block[4096];
	static const char *const heads[] = {"HTTP/1.1 200 OK\r\nX: ", "",
					    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"};
	struct http_wire w;

	(void)state;
	memset(block, 'a', sizeof(block));
	for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
		http_wire__init(&w, false, NOW);
		http_wire__feed(&w, heads[i], strlen(heads[i]));
		for (int n = 0; n < 10 && w.state < HTTP_WIRE_DONE; n++)
			http_wire__feed(&w, block, sizeof(block));
		assert_int_equal(w.state, HTTP_WIRE_BAD);
		http_wire__clear(&w);
	}
	http_wire__init(&w, false, NOW);
	http_wire__feed(&w, heads[0], strlen("HTTP/1.1 200 OK\r\n"));
	for (int n = 0; n < 20000 && w.state < HTTP_WIRE_DONE; n++)
		http_wire__feed(&w, "A: b\r\n", 6);
	assert_int_equal(w.state, HTTP_WIRE_BAD);
	http_wire__clear(&w);
}

static void test_large_bodies_are_cut(void **state)
{
	static const char *const heads[] = {"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n",
					    "HTTP/1.1 200 OK\r\n\r\n"};
	static char block[4096];
	struct http_wire w;
	unsigned fed;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
		http_wire__init(&w, false, NOW);
		http_wire__feed(&w, heads[i], strlen(heads[i]));
		for (fed = 0; fed < 4096 && w.state < HTTP_WIRE_DONE; fed++)
			http_wire__feed(&w, block, sizeof(block));
		assert_int_equal(w.state, HTTP_WIRE_DONE);
		assert_int_equal(w.status, 200);
		assert_int_equal(w.body.len, HTTP_ANSWER_MAX);
		assert_true(fed <= 257);
		assert_false(w.keeps_alive);
		http_wire__clear(&w);
	}
}

static void test_retry_after(void **state)
{
	static const struct {
		const char *text;
		uint64_t seconds;
	} rows[] = {
		{"0", 0},
		{"120", 120},
		{" 7", 7},
		{"3.5", 3},
		{"99999999999999999999999", 86400},
		{"Sun, 09 Sep 2001 01:46:50 GMT", 10},
		{"Sun, 09 Sep 2001 02:46:40 GMT", 3600},
		{"Mon, 10 Sep 2001 01:46:40 GMT", 86400},
		{"Mon, 10 Sep 2040 01:46:40 GMT", 86400},
		{"Sun, 09 Sep 2001 01:46:40 GMT", 0}, /* now */
		{"Sun, 06 Nov 1994 08:49:37 GMT", 0}, /* long ago */
		{"Sun, 09 Sep 2001 01:46:50", 0},
		{"Sun, 09 Xyz 2001 01:46:50 GMT", 0},
		{"Sun, 09 ebM 2001 01:46:50 GMT", 0},
		{"Sun, 09 Sep 1601 01:46:50 GMT", 0},
		{"soon", 0},
		{"-5", 0},
		{"", 0},
	};
	static const char answer[] = "HTTP/1.1 429 Slow\r\nRETRY-AFTER: 3\r\nContent-Length: 0\r\n\r\n";
	struct http_wire w;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (http_retry_after(rows[i].text, NOW) != rows[i].seconds * SECOND)
			fail_msg("\"%s\"", rows[i].text);
	http_wire__init(&w, false, NOW);
	http_wire__feed(&w, answer, strlen(answer));
	assert_int_equal(w.retry_after_ns, 3 * SECOND);
	http_wire__clear(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_answers),
		cmocka_unit_test(test_bad_answers),
		cmocka_unit_test(test_what_follows_is_left),
		cmocka_unit_test(test_tunnels_have_no_body),
		cmocka_unit_test(test_no_end),
		cmocka_unit_test(test_large_bodies_are_cut),
		cmocka_unit_test(test_retry_after),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
