/* SPDX-License-Identifier: MIT */
/* Deadlines of connections, by a clock of the test's own; what real clients see of the rest is in tests/live/test_serve.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "user/serve/serve.h"
#include "tests/unit/temp_folder.h"
#include "user/util/clock.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#define SECOND    1000000000ull
#define HEARD_MAX (2u << 20)

static struct serve *serve;
static struct serve_request *asked; /* the last, not answered yet */
static char asked_path[64];
static uint64_t now;

static void on_request(void *ctx, struct serve_request *q, const char *path)
{
	(void)ctx;
	asked = q;
	snprintf(asked_path, sizeof(asked_path), "%s", path);
}

static int begin(void **state)
{
	__cleanup_free char *where = xasprintf("unix:%s/s", folder);

	(void)state;
	asked = NULL;
	now = clock_now_ns();
	return serve__new(where, on_request, NULL, &serve);
}

static int end(void **state)
{
	(void)state;
	serve__free(serve);
	return 0;
}

static int client(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s/s", folder);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Time goes on, and what there is to do is done. */
static void pass(uint64_t ns)
{
	now += ns;
	for (int i = 0; i < 3; i++)
		serve__poll(serve, now);
}

/* What a client has got; `*ended`: and no more will come. */
static char *heard(int fd, bool *ended)
{
	char *text = xcalloc(1, HEARD_MAX);
	size_t len = 0;
	ssize_t n;

	while ((n = recv(fd, text + len, HEARD_MAX - 1 - len, 0)) > 0)
		len += (size_t)n;
	*ended = n == 0 || errno != EAGAIN;
	return text;
}

static void assert_heard(int fd, const char *begins, bool ends)
{
	bool ended;
	__cleanup_free char *text = heard(fd, &ended);

	if (strncmp(text, begins, strlen(begins)) || (!*begins && *text))
		fail_msg("heard \"%s\"", text);
	assert_int_equal(ended, ends);
}

static void answer(const char *text)
{
	struct buf body = {0};

	buf_puts(&body, text);
	serve_request__answer(asked, 200, "text/plain", &body);
	asked = NULL;
}

static void the_descriptor_tells(void **state)
{
	struct pollfd p = {.fd = serve__fd(serve), .events = POLLIN};
	int fd;

	(void)state;
	pass(0);
	assert_int_equal(poll(&p, 1, 0), 0);
	fd = client();
	assert_int_equal(poll(&p, 1, 0), 1);
	pass(0);
	assert_int_equal(poll(&p, 1, 0), 0);
	say(fd, "GET /later HTTP/1.0\r\n\r\n");
	assert_int_equal(poll(&p, 1, 0), 1);
	pass(0);
	assert_string_equal(asked_path, "/later");
	assert_int_equal(poll(&p, 1, 0), 0);
	say(fd, "more"); /* nobody reads it now */
	assert_int_equal(poll(&p, 1, 0), 0);
	answer("x");
	assert_int_equal(poll(&p, 1, 0), 1);
	pass(0);
	assert_heard(fd, "HTTP/1.1 200 OK\r\n", true);
	close(fd);
	pass(0);
	assert_int_equal(poll(&p, 1, 0), 0);
}

/* By the kernel's clock: the first deadline makes the descriptor readable. */
static void the_descriptor_tells_the_time(void **state)
{
	struct pollfd p = {.fd = serve__fd(serve), .events = POLLIN};
	int fd = client();

	(void)state;
	now = clock_now_ns() - 9 * SECOND - SECOND / 2;
	pass(0);
	say(fd, "GET");
	pass(0);
	assert_int_equal(poll(&p, 1, 60000), 1);
	pass(10 * SECOND);
	assert_heard(fd, "HTTP/1.1 408 ", true);
	close(fd);
}

static void a_head_has_ten_seconds(void **state)
{
	int silent = client(), slow = client();

	(void)state;
	pass(0);
	for (int i = 0; i < 9; i++) {
		say(slow, "G");
		pass(SECOND);
	}
	assert_heard(silent, "", false);
	assert_heard(slow, "", false);
	pass(SECOND);
	assert_heard(silent, "", true);
	assert_heard(slow, "HTTP/1.1 408 Request Timeout\r\n", true);
	close(silent);
	close(slow);
}

static void an_answer_may_take_long(void **state)
{
	int fd = client();

	(void)state;
	say(fd, "GET /profile HTTP/1.0\r\n\r\n");
	pass(0);
	assert_non_null(asked);
	pass(3600 * SECOND);
	assert_heard(fd, "", false);
	assert_false(serve_request__is_gone(asked));
	answer("flames");
	pass(0);
	assert_heard(fd, "HTTP/1.1 200 OK\r\n", true);
	close(fd);
}

static void who_is_gone_is_marked(void **state)
{
	struct pollfd p = {.fd = serve__fd(serve), .events = POLLIN};
	int fd = client();

	(void)state;
	say(fd, "GET /profile HTTP/1.0\r\n\r\n");
	pass(0);
	close(fd);
	pass(0);
	assert_true(serve_request__is_gone(asked));
	assert_int_equal(poll(&p, 1, 0), 0);
	answer("flames");
	pass(0);
}

/* Of a large answer 16 kB are read each ten seconds at least, or it ends. */
static void who_does_not_read_is_left(void **state)
{
	struct buf body = {0};
	int fd = client();
	bool ended = false;

	(void)state;
	say(fd, "GET /profile HTTP/1.0\r\n\r\n");
	pass(0);
	for (int i = 0; i < 1 << 20; i++)
		buf_put(&body, "x", 1);
	serve_request__answer(asked, 200, "text/plain", &body);
	pass(0);
	for (int i = 0; i < 5; i++) { /* slow, but fast enough */
		__cleanup_free char *text = NULL;

		pass(8 * SECOND);
		text = heard(fd, &ended);
		assert_false(ended);
		assert_true(strlen(text) > 1000);
	}
	pass(5 * SECOND);
	pass(11 * SECOND);
	free(heard(fd, &ended));
	assert_true(ended);
	close(fd);
}

/* After its answer a client that goes on is not listened to for ever. */
static void a_farewell_is_short(void **state)
{
	int fd = client();

	(void)state;
	say(fd, "GET /x HTTP/1.0\r\n\r\n");
	pass(0);
	answer("x");
	pass(0);
	assert_heard(fd, "HTTP/1.1 200 OK\r\n", true);
	say(fd, "more");
	pass(SECOND);
	say(fd, "more");
	pass(SECOND);
	assert_int_equal(send(fd, "x", 1, MSG_NOSIGNAL), -1);
	close(fd);
}

static void the_end_comes_amid_answers(void **state)
{
	int fds[3] = {client(), client(), client()};

	(void)state;
	say(fds[0], "GET");
	say(fds[1], "GET /x HTTP/1.0\r\n\r\n");
	pass(0);
	end(state);
	serve = NULL;
	assert_heard(fds[0], "", true);
	assert_heard(fds[1], "", true);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	assert_int_equal(begin(state), 0);
}

static void check_file(const char *request)
{
	int fd = client(), file = open("/dev/null", O_RDONLY | O_CLOEXEC);

	say(fd, request);
	pass(0);
	serve_request__answer_file(asked, 200, "text/plain", file);
	pass(0);
	assert_heard(fd, "HTTP/1.1 200 OK\r\n", true);
	close(fd);
	pass(0);
	assert_int_equal(fcntl(file, F_GETFD), -1);
}

static void a_file_is_closed_in_the_end(void **state)
{
	(void)state;
	check_file("HEAD /x HTTP/1.0\r\n\r\n");
	check_file("GET /x HTTP/1.0\r\n\r\n");
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(the_descriptor_tells),    TEST(the_descriptor_tells_the_time), TEST(a_head_has_ten_seconds),
		TEST(an_answer_may_take_long), TEST(who_is_gone_is_marked),         TEST(who_does_not_read_is_left),
		TEST(a_farewell_is_short),     TEST(the_end_comes_amid_answers),    TEST(a_file_is_closed_in_the_end),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
