/* SPDX-License-Identifier: MIT */
/* What a service manager hears, by sockets as one has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "user/os/notify.h"
#include "tests/unit/temp_folder.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include <stdbool.h>

/* The manager's end; `name` begins with @ for an abstract one. */
static int listen_as(const char *name)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	memcpy(a.sun_path, name, strlen(name));
	if (*name == '@')
		a.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
	setenv("NOTIFY_SOCKET", name, 1);
	return fd;
}

static void assert_hears(int fd, const char *want)
{
	char got[256] = "";
	ssize_t n = recv(fd, got, sizeof(got) - 1, 0);

	assert_true(n >= 0);
	assert_string_equal(got, want);
}

static void check_all(const char *name)
{
	int fd = listen_as(name);
	unsigned long long usec, before = clock_now_ns() / 1000;
	char got[256] = "";
	struct notify n;

	notify_open(&n);
	assert_null(getenv("NOTIFY_SOCKET"));
	notify_ready(&n);
	assert_hears(fd, "READY=1");
	notify_status(&n, "3 windows\nREADY=1");
	assert_hears(fd, "STATUS=3 windows");
	notify_watchdog(&n);
	assert_hears(fd, "WATCHDOG=1");
	notify_reloading(&n);
	assert_true(recv(fd, got, sizeof(got) - 1, 0) > 0);
	assert_int_equal(sscanf(got, "RELOADING=1\nMONOTONIC_USEC=%llu", &usec), 1);
	assert_true(usec >= before && usec <= clock_now_ns() / 1000);
	notify_stopping(&n);
	assert_hears(fd, "STOPPING=1");
	close(fd);
	notify_ready(&n); /* nobody is there any more */
	notify_close(&n);
}

static void by_path(void **state)
{
	__cleanup_free char *path = xasprintf("%s/notify", folder);

	(void)state;
	check_all(path);
}

static void by_abstract_name(void **state)
{
	__cleanup_free char *name = xasprintf("@%s/notify", folder);

	(void)state;
	check_all(name);
}

static void watchdog(void **state)
{
	__cleanup_free char *name = xasprintf("@%s/watchdog", folder), *own = xasprintf("%d", getpid());
	static const struct {
		const char *usec;
		bool other;
		uint64_t want_ns;
	} cases[] = {{"30000000", false, 15000000000},
		     {"30000000", true, 0},
		     {"", false, 0},
		     {"3x", false, 0},
		     {"99999999999999999999", false, 0}};
	int fd = listen_as(name);
	struct notify n;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		setenv("NOTIFY_SOCKET", name, 1);
		setenv("WATCHDOG_USEC", cases[i].usec, 1);
		setenv("WATCHDOG_PID", cases[i].other ? "1" : own, 1);
		notify_open(&n);
		assert_int_equal(n.watchdog_ns, cases[i].want_ns);
		assert_null(getenv("WATCHDOG_USEC"));
		assert_null(getenv("WATCHDOG_PID"));
		notify_close(&n);
	}
	close(fd);
}

static void nobody_wants_to_know(void **state)
{
	static const char *const wrong[] = {"", "@", "/", "relative", "vsock:2:1234", NULL};
	__cleanup_free char *said = NULL;
	struct notify n;

	(void)state;
	setenv("WATCHDOG_USEC", "30000000", 1);
	notify_open(&n);
	assert_int_equal(n.fd, -1);
	assert_int_equal(n.watchdog_ns, 0);
	notify_ready(&n);
	notify_status(&n, "x");
	for (const char *const *w = wrong; *w; w++) {
		setenv("NOTIFY_SOCKET", *w, 1);
		log_capture();
		notify_open(&n);
		free(said);
		said = log_capture_end();
		assert_non_null(strstr(said, "no address of a unix socket"));
		assert_int_equal(n.fd, -1);
		assert_null(getenv("NOTIFY_SOCKET"));
	}
}

/* A manager that does not read is not waited for long: the queue of a socket takes a few datagrams. */
static void a_manager_that_does_not_read(void **state)
{
	__cleanup_free char *name = xasprintf("@%s/full", folder);
	int fd = listen_as(name), full = 0;
	struct notify n;

	(void)state;
	notify_open(&n);
	while (full < 100000 && sendto(n.fd, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&n.to, n.to_len) == 1)
		full++;
	assert_true(full < 100000);
	notify_ready(&n); /* comes back */
	notify_close(&n);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_path),
		cmocka_unit_test(by_abstract_name),
		cmocka_unit_test(watchdog),
		cmocka_unit_test(nobody_wants_to_know),
		cmocka_unit_test(a_manager_that_does_not_read),
	};

	unsetenv("NOTIFY_SOCKET");
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
