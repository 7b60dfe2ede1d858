/* SPDX-License-Identifier: MIT */
/*
 * TCP on loopback, or a unix socket of whoever we are (0660). A unix socket outlives its program: one that nobody listens
 * at any more is replaced, one that is in use, or anything else of that name, is not.
 */
#include "user/serve/listen.h"
#include "user/serve/head.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define BACKLOG  64
#define LOCK_TRY 25 /* times 20 ms */
#define SYNTAX   "write 127.0.0.1:PORT, [::1]:PORT or unix:/PATH"

static int stream_socket(int family)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : fd;
}

/* ---- TCP ----------------------------------------------------------------------------------------------- */

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* The port behind the last colon, or -1. */
static long port_of(const char *where)
{
	const char *port = strrchr(where, ':');
	char *end;
	long n;

	if (!port || !port[1] || port[1 + strspn(port + 1, "0123456789")])
		return -1;
	n = strtol(port + 1, &end, 10);
	return n > 65535 ? -1 : n;
}

/* Its length; 0: that is none of ours. */
static socklen_t parse_tcp(const char *where, union address *out)
{
	__cleanup_free char *host = xstrdup(where);
	in_port_t port = htons((in_port_t)port_of(where));

	*strrchr(host, ':') = '\0';
	*out = (union address){0};
	if (*host == '[') {
		out->v6.sin6_family = AF_INET6;
		out->v6.sin6_port = port;
		out->v6.sin6_addr = in6addr_loopback;
		return sizeof(out->v6);
	}
	out->v4.sin_family = AF_INET;
	out->v4.sin_port = port;
	return inet_pton(AF_INET, strcmp(host, "localhost") ? host : "127.0.0.1", &out->v4.sin_addr) == 1
		       ? sizeof(out->v4)
		       : 0;
}

/* With the port that it got, when it asked for any. */
static char *url_of(int fd)
{
	union address a = {0};
	socklen_t len = sizeof(a);
	char text[INET_ADDRSTRLEN];

	getsockname(fd, &a.any, &len);
	if (a.any.sa_family == AF_INET6)
		return xasprintf("http://[::1]:%u", ntohs(a.v6.sin6_port));
	inet_ntop(AF_INET, &a.v4.sin_addr, text, sizeof(text));
	return xasprintf("http://%s:%u", text, ntohs(a.v4.sin_port));
}

static int open_tcp(const char *where, struct listen_at *out)
{
	union address a;
	socklen_t len;
	int on = 1, err;

	if (port_of(where) < 0) {
		log_error("cannot listen at %s: " SYNTAX, where);
		return -EINVAL;
	}
	if (!head_is_loopback(where) || !(len = parse_tcp(where, &a))) {
		log_error("cannot listen at %s: that is not this machine's loopback, and what is served here is for "
			  "this machine "
			  "alone: " SYNTAX,
			  where);
		return -EINVAL;
	}
	out->fd = stream_socket(a.any.sa_family);
	if (out->fd < 0)
		err = out->fd;
	else if (!setsockopt(out->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) && !bind(out->fd, &a.any, len) &&
		 !listen(out->fd, BACKLOG))
		err = 0;
	else
		err = -errno;
	if (err)
		log_error("cannot listen at %s: %s", where,
			  err == -EADDRINUSE ? "another program does; choose another port" : strerror(-err));
	else
		out->url = url_of(out->fd);
	return err;
}

/* ---- unix ---------------------------------------------------------------------------------------------- */

/* One starts at a time: who looked and found nobody must not remove what another made meanwhile. Without it where it cannot be had. */
static int lock_folder(const char *path)
{
	__cleanup_free char *folder = xstrdup(path);
	char *slash = strrchr(folder, '/');
	int fd;

	slash[slash == folder] = '\0';
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; fd >= 0 && i < LOCK_TRY && flock(fd, LOCK_EX | LOCK_NB); i++)
		poll(NULL, 0, 20);
	return fd;
}

/* Does anybody listen there? */
static bool is_living(const struct sockaddr_un *a)
{
	__cleanup_close int fd = stream_socket(AF_UNIX);

	return fd < 0 || !connect(fd, (const struct sockaddr *)a, sizeof(*a)) || errno != ECONNREFUSED;
}

/* What has the name is removed, if it is of no use to anybody. */
static int make_room(const struct sockaddr_un *a)
{
	struct stat st;

	if (lstat(a->sun_path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode)) {
		log_error("cannot listen at %s: it is a file, and no socket", a->sun_path);
		return -EEXIST;
	}
	if (is_living(a)) {
		log_error("cannot listen at %s: another program does", a->sun_path);
		return -EADDRINUSE;
	}
	return unlink(a->sun_path) && errno != ENOENT ? -errno : 0;
}

/* The mode is right from the first moment on, and not by name, which may lead elsewhere by then. */
static int bind_unix(const struct sockaddr_un *a, struct listen_at *out)
{
	mode_t before = umask(0117);
	int err = bind(out->fd, (const struct sockaddr *)a, sizeof(*a)) || listen(out->fd, BACKLOG) ? -errno : 0;
	struct stat st;

	umask(before);
	if (!err && !lstat(a->sun_path, &st)) {
		out->dev = st.st_dev;
		out->ino = st.st_ino;
		out->path = xstrdup(a->sun_path);
		out->url = xstrdup(a->sun_path);
	}
	return err ? err : out->path ? 0 : -errno;
}

static int open_unix(const char *path, struct listen_at *out)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	__cleanup_close int lock = -1;
	int err;

	if (*path != '/' || strlen(path) >= sizeof(a.sun_path)) {
		log_error("cannot listen at unix:%s: give a path that begins with / and has less than %zu bytes", path,
			  sizeof(a.sun_path));
		return -EINVAL;
	}
	memcpy(a.sun_path, path, strlen(path) + 1);
	lock = lock_folder(path);
	err = make_room(&a);
	if (err == -EEXIST || err == -EADDRINUSE)
		return err;
	out->fd = err ? err : stream_socket(AF_UNIX);
	err = out->fd < 0 ? out->fd : bind_unix(&a, out);
	if (err)
		log_error("cannot listen at %s: %s", path, strerror(-err));
	return err;
}

int listen_open(const char *where, struct listen_at *out)
{
	int err;

	*out = (struct listen_at){.fd = -1};
	err = strncmp(where, "unix:", 5) ? open_tcp(where, out) : open_unix(where + 5, out);
	if (err)
		listen_close(out);
	return err;
}

void listen_close(struct listen_at *l)
{
	struct stat st;

	if (l->path && !lstat(l->path, &st) && st.st_dev == l->dev && st.st_ino == l->ino)
		unlink(l->path);
	if (l->fd >= 0)
		close(l->fd);
	free(l->path);
	free(l->url);
	*l = (struct listen_at){.fd = -1};
}
