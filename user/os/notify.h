/* SPDX-License-Identifier: MIT */
/* What a service manager is told (sd_notify(3)), over the socket that NOTIFY_SOCKET names. */
#pragma once
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct notify {
	int fd; /* -1: nobody wants to know */
	struct sockaddr_un to;
	socklen_t to_len;
	uint64_t watchdog_ns; /* a sign of life is wanted each so often: half of what the manager waits for; 0: none */
};

/* As the environment says; what it says is taken out of it, so that what we start does not speak for us. */
void notify_open(struct notify *n);
void notify_close(struct notify *n);
void notify_ready(const struct notify *n);
/* Until the next notify_ready(). */
void notify_reloading(const struct notify *n);
void notify_stopping(const struct notify *n);
void notify_watchdog(const struct notify *n);
/* One line, shown by `systemctl status`. */
void notify_status(const struct notify *n, const char *text);
