// SPDX-License-Identifier: MIT
/* Connections. Names are looked up by a thread of their own, which can be left behind: resolvers know no stop and no limit. */
#include "user/push/http_own.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

#define STEP_MS      50 /* how late a stop may be noticed */
#define LOOKUP_STACK (256u << 10)

static int step_ms(const struct patience *p)
{
	uint64_t now = clock_now_ns(), left_ms = p->end_ns > now ? (p->end_ns - now) / 1000000 + 1 : 0;

	return left_ms < STEP_MS ? (int)left_ms : STEP_MS;
}

static int patience_ended(const struct patience *p)
{
	if (p->stop && __atomic_load_n(p->stop, __ATOMIC_RELAXED))
		return -ECANCELED;
	return clock_now_ns() >= p->end_ns ? -ETIMEDOUT : 0;
}

int patience_wait(const struct patience *p, int fd, short events)
{
	struct pollfd one = {.fd = fd, .events = events};
	int err = 0, ready = 0;

	while (!err && !ready) {
		err = patience_ended(p);
		if (!err)
			ready = poll(&one, 1, step_ms(p)) == 1;
		if (fd < 0)
			return err;
	}
	return ready ? 0 : err;
}

const char *patience_error(int err)
{
	return err == -ETIMEDOUT ? "no answer in time" : err == -ECANCELED ? "stopped" : strerror(-err);
}

/* ---- names ---------------------------------------------------------------------------------------------- */

/* Belongs to who asks and to the thread; the last one frees it. */
struct lookup {
	char *host;
	char port[8];
	struct addrinfo *found;
	int status;
	bool done; /* atomically */
	int users;
};

static void drop_lookup(struct lookup *l)
{
	if (__atomic_sub_fetch(&l->users, 1, __ATOMIC_ACQ_REL))
		return;
	if (l->found)
		freeaddrinfo(l->found);
	free(l->host);
	free(l);
}

static int ask(struct lookup *l, int flags)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | flags};

	return getaddrinfo(l->host, l->port, &hints, &l->found);
}

static void *look_up(void *arg)
{
	struct lookup *l = arg;

	l->status = ask(l, AI_ADDRCONFIG);
	__atomic_store_n(&l->done, true, __ATOMIC_RELEASE);
	drop_lookup(l);
	return NULL;
}

/* Signals are for others: it has the mask of who made it, and that has them all blocked. */
static int start_thread(struct lookup *l)
{
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, LOOKUP_STACK);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	l->users++;
	err = pthread_create(&thread, &attr, look_up, l);
	pthread_attr_destroy(&attr);
	if (err)
		l->users--;
	return -err;
}

static int resolve(struct lookup *l, const struct patience *p, char *error)
{
	int err;

	if (!ask(l, AI_NUMERICHOST))
		return 0;
	err = start_thread(l);
	while (!err && !__atomic_load_n(&l->done, __ATOMIC_ACQUIRE))
		err = patience_wait(p, -1, 0);
	if (err)
		snprintf(error, OWN_ERROR_SIZE, "the name %s cannot be looked up: %s", l->host, patience_error(err));
	else if (l->status)
		snprintf(error, OWN_ERROR_SIZE, "the name %s cannot be looked up: %s", l->host,
			 gai_strerror(l->status));
	return err ? err : l->status ? -EHOSTUNREACH : 0;
}

/* ---- addresses -------------------------------------------------------------------------------------------- */

/* What connect() came to, once it is ready. */
static int outcome(int fd, const struct patience *p)
{
	int err = patience_wait(p, fd, POLLOUT), status = 0;
	socklen_t len = sizeof(status);

	if (!err && getsockopt(fd, SOL_SOCKET, SO_ERROR, &status, &len))
		status = errno;
	return err ? err : -status;
}

static int connect_one(const struct addrinfo *a, const struct patience *p)
{
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
	int one = 1, err = 0;

	if (fd < 0)
		return -errno;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, a->ai_addr, a->ai_addrlen))
		err = errno == EINPROGRESS ? outcome(fd, p) : -errno;
	if (!err)
		return fd;
	close(fd);
	return err;
}

/* One address after the other; each may take its share of the time. */
static int connect_any(const struct addrinfo *first, const struct patience *p)
{
	int left = 0, fd = -EHOSTUNREACH;

	for (const struct addrinfo *a = first; a; a = a->ai_next)
		left++;
	for (const struct addrinfo *a = first; a; a = a->ai_next, left--) {
		uint64_t now = clock_now_ns(), rest = p->end_ns > now ? p->end_ns - now : 0;
		struct patience share = {now + rest / (unsigned)left, p->stop};

		fd = connect_one(a, &share);
		if (fd >= 0 || fd == -ECANCELED)
			break;
	}
	return fd;
}

int own_connect(const char *host, unsigned port, const struct patience *p, char *error)
{
	struct lookup *l = xcalloc(1, sizeof(*l));
	int fd;

	l->host = xstrdup(host);
	l->users = 1;
	snprintf(l->port, sizeof(l->port), "%u", port);
	fd = resolve(l, p, error);
	if (!fd) {
		fd = connect_any(l->found, p);
		if (fd < 0)
			snprintf(error, OWN_ERROR_SIZE, "%s port %u: %s", host, port, patience_error(fd));
	}
	drop_lookup(l);
	return fd;
}
