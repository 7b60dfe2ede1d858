/* SPDX-License-Identifier: MIT */
#include "user/serve/ask.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#define ANSWER_MAX (1 << 20)

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un local;
};

static socklen_t parse_unix(const char *path, union address *out)
{
	if (strlen(path) >= sizeof(out->local.sun_path))
		return 0;
	out->local.sun_family = AF_UNIX;
	strcpy(out->local.sun_path, path);
	return sizeof(out->local);
}

/* Its length; 0: it is none. */
static socklen_t parse(const char *where, union address *out)
{
	__cleanup_free char *host = xstrdup(where);
	char *colon = strrchr(host, ':');
	int port = colon ? atoi(colon + 1) : 0;

	*out = (union address){0};
	if (!strncmp(where, "unix:", strlen("unix:")))
		return parse_unix(where + strlen("unix:"), out);
	if (port <= 0 || port > 65535)
		return 0;
	*colon = '\0';
	if (!strcmp(host, "[::1]")) {
		out->v6 = (struct sockaddr_in6){AF_INET6, htons((in_port_t)port), 0, in6addr_loopback, 0};
		return sizeof(out->v6);
	}
	out->v4.sin_family = AF_INET;
	out->v4.sin_port = htons((in_port_t)port);
	return inet_pton(AF_INET, strcmp(host, "localhost") ? host : "127.0.0.1", &out->v4.sin_addr) == 1
		       ? sizeof(out->v4)
		       : 0;
}

/* The whole answer, or what there was of it in time. 0 or negative errno. */
static int exchange(int fd, const char *path, struct buf *answer)
{
	__cleanup_free char *request =
		xasprintf("GET %s HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);
	char bytes[4096];
	ssize_t n;

	if (send(fd, request, strlen(request), MSG_NOSIGNAL) != (ssize_t)strlen(request))
		return -errno;
	while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0 && answer->len < ANSWER_MAX)
		buf_put(answer, bytes, (size_t)n);
	return n < 0 ? -errno : 0;
}

/* The status; what is before the body goes. */
static int split(struct buf *answer)
{
	const char *end;
	int status;

	buf_put(answer, "", 1);
	answer->len--;
	end = strstr(answer->data, "\r\n\r\n");
	if (!end || sscanf(answer->data, "HTTP/1.%*1[01] %3d", &status) != 1)
		return -EPROTO;
	end += strlen("\r\n\r\n");
	answer->len -= (size_t)(end - answer->data);
	memmove(answer->data, end, answer->len);
	return status;
}

static int ask(const char *where, const char *path, int ms, struct buf *body)
{
	struct timeval limit = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
	union address a;
	socklen_t len = parse(where, &a);
	__cleanup_close int fd = len ? socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
	int err;

	if (!len)
		return -EINVAL;
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) || connect(fd, &a.any, len))
		return -errno;
	err = exchange(fd, path, body);
	return err ? err : split(body);
}

int serve_ask(const char *where, const char *path, int ms, struct buf *body)
{
	int status = ask(where, path, ms, body);

	if (status == -EINVAL)
		log_error("%s: no place where a daemon listens: give it as its --listen has it, 127.0.0.1:PORT or "
			  "unix:PATH",
			  where);
	else if (status == -EAGAIN)
		log_error("%s: no answer within %d ms", where, ms);
	else if (status < 0)
		log_error("%s: %s", where,
			  status == -EPROTO ? "what answers there is no daemon of ours" : strerror(-status));
	return status;
}
