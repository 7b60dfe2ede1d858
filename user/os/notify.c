/* SPDX-License-Identifier: MIT */
/* The protocol is a datagram of lines; libsystemd would be 900 kB for it. */
#include "user/os/notify.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define SEND_TIMEOUT_S 1 /* a manager that does not read must not stop us */

/* For this process? Under WATCHDOG_PID of another a parent of ours gives the signs. */
static uint64_t watchdog_from_environment(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	char *end;
	uint64_t n;

	if (!usec || (pid && strtol(pid, NULL, 10) != getpid()))
		return 0;
	n = strtoull(usec, &end, 10);
	return *usec && !*end && n < UINT64_MAX / 1000 ? n * 1000 / 2 : 0;
}

/* A path, or behind @ the name of an abstract socket. */
static bool parse_address(struct notify *n, const char *path)
{
	size_t len = strlen(path);

	if ((*path != '/' && *path != '@') || !path[1] || len >= sizeof(n->to.sun_path))
		return false;
	n->to = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(n->to.sun_path, path, len);
	n->to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (*path == '/'));
	if (*path == '@')
		n->to.sun_path[0] = '\0';
	return true;
}

void notify_open(struct notify *n)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct timeval patience = {.tv_sec = SEND_TIMEOUT_S};

	*n = (struct notify){.fd = -1, .watchdog_ns = watchdog_from_environment()};
	if (path && !parse_address(n, path)) {
		log_warn("NOTIFY_SOCKET=%s is no address of a unix socket: the service manager is told nothing", path);
	} else if (path) {
		n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		setsockopt(n->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	}
	if (n->fd < 0)
		n->watchdog_ns = 0;
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

void notify_close(struct notify *n)
{
	if (n->fd >= 0)
		close(n->fd);
	n->fd = -1;
}

static void send_text(const struct notify *n, const char *text)
{
	if (n->fd >= 0 &&
	    sendto(n->fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&n->to, n->to_len) < 0)
		log_verbose("cannot tell the service manager: %s", strerror(errno));
}

void notify_ready(const struct notify *n)
{
	send_text(n, "READY=1");
}

/* By the time a manager knows which reload a later READY=1 is for (Type=notify-reload). */
void notify_reloading(const struct notify *n)
{
	__cleanup_free char *text =
		xasprintf("RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)(clock_now_ns() / 1000));

	send_text(n, text);
}

void notify_stopping(const struct notify *n)
{
	send_text(n, "STOPPING=1");
}

void notify_watchdog(const struct notify *n)
{
	send_text(n, "WATCHDOG=1");
}

void notify_status(const struct notify *n, const char *text)
{
	__cleanup_free char *line = xasprintf("STATUS=%.*s", (int)strcspn(text, "\n"), text);

	send_text(n, line);
}
