/* SPDX-License-Identifier: MIT */
/* What an answer is, and what is none: a server of the test's own says anything, once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "user/serve/ask.h"
#include "tests/unit/temp_folder.h"
#include "user/util/alloc.h"
#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct {
	int fd;
	const char *says; /* NULL: nothing, and the connection stays */
	char heard[256];
	pthread_t thread;
	char where[128];
} server;

static void *serve_once(void *unused)
{
	int fd = accept(server.fd, NULL, NULL);
	ssize_t n = recv(fd, server.heard, sizeof(server.heard) - 1, 0);

	server.heard[n < 0 ? 0 : n] = '\0';
	if (server.says)
		send(fd, server.says, strlen(server.says), MSG_NOSIGNAL);
	else
		recv(fd, &(char){0}, 1, 0); /* until who asked has gone */
	close(fd);
	return unused;
}

static int ask(const char *says, int ms, struct buf *body)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int status;

	snprintf(a.sun_path, sizeof(a.sun_path), "%s/s", folder);
	snprintf(server.where, sizeof(server.where), "unix:%s/s", folder);
	unlink(a.sun_path);
	server.says = says;
	server.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server.fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(server.fd, 1), 0);
	assert_int_equal(pthread_create(&server.thread, NULL, serve_once, NULL), 0);
	status = serve_ask(server.where, "/healthz", ms, body);
	pthread_join(server.thread, NULL);
	close(server.fd);
	return status;
}

static void assert_answer(const char *says, int status, const char *text)
{
	struct buf body = {0};

	assert_int_equal(ask(says, 60000, &body), status);
	if (text) {
		assert_int_equal(body.len, strlen(text));
		assert_memory_equal(body.data, text, body.len);
	}
	free(body.data);
}

static void an_answer_has_a_status_and_a_body(void **state)
{
	(void)state;
	assert_answer("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nok\n", 200, "ok\n");
	assert_string_equal(strtok(server.heard, "\r"), "GET /healthz HTTP/1.0");
	assert_answer("HTTP/1.0 503 Unwell\r\n\r\nno window for 60 s\n", 503, "no window for 60 s\n");
	assert_answer("HTTP/1.1 200 OK\r\n\r\n", 200, "");
}

static void what_is_no_answer_is_none(void **state)
{
	(void)state;
	assert_answer("", -EPROTO, NULL);
	assert_answer("SSH-2.0-OpenSSH_9.2\r\n", -EPROTO, NULL);
	assert_answer("HTTP/1.1 200 OK\r\n", -EPROTO, NULL);
	assert_answer("HTTP/2 200\r\n\r\n", -EPROTO, NULL);
}

static void who_says_nothing_is_left(void **state)
{
	struct buf body = {0};

	(void)state;
	assert_int_equal(ask(NULL, 50, &body), -EAGAIN);
	free(body.data);
}

static void nobody_answers_where_nobody_is(void **state)
{
	static const char *const no_places[] = {
		"", "9100", "example.com:9100", "127.0.0.1:0", "127.0.0.1:70000", "127.0.0.1"};
	__cleanup_free char *gone = xasprintf("unix:%s/gone", folder);
	__cleanup_free char *longest = xasprintf("unix:/%0200d", 0);
	struct buf body = {0};

	(void)state;
	assert_int_equal(serve_ask(gone, "/healthz", 50, &body), -ENOENT);
	assert_int_equal(serve_ask(longest, "/healthz", 50, &body), -EINVAL);
	for (size_t i = 0; i < ARRAY_SIZE(no_places); i++)
		assert_int_equal(serve_ask(no_places[i], "/healthz", 50, &body), -EINVAL);
	assert_int_equal(body.len, 0);
	free(body.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_has_a_status_and_a_body),
		cmocka_unit_test(what_is_no_answer_is_none),
		cmocka_unit_test(who_says_nothing_is_left),
		cmocka_unit_test(nobody_answers_where_nobody_is),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
