// SPDX-License-Identifier: MIT
/*
 * HTTP/1.1 POST of our own, for the static binary: libcurl cannot be linked into one with Debian's archives, since what it
 * needs has none.
 */
#include "user/push/http_own.h"
#include "user/push/http.h"
#include "user/push/http_url.h"
#include "user/push/http_wire.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include <ctype.h>
#include <errno.h>
#include <mbedtls/base64.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

struct http {
	char *user_agent;
	struct tls *tls;
	int fd;         /* -1: there is no connection */
	bool is_tls;    /* the connection is */
	char *leads_to; /* and to whom, by which proxy, trusting whom */
};

/* What one request is about. */
struct post {
	const struct http_request *q;
	struct http_answer *out;
	struct patience patience;
	struct http_url url, proxy;
	bool has_proxy;
	struct buf head;
	struct http_wire wire;
};

struct http *http__new(const char *user_agent)
{
	struct http *h = xcalloc(1, sizeof(*h));

	h->user_agent = xstrdup(user_agent);
	h->tls = tls__new();
	h->fd = -1;
	return h;
}

static void hang_up(struct http *h)
{
	tls__stop(h->tls);
	if (h->fd >= 0)
		close(h->fd);
	h->fd = -1;
	h->is_tls = false;
	free(h->leads_to);
	h->leads_to = NULL;
}

void http__free(struct http *h)
{
	if (!h)
		return;
	hang_up(h);
	tls__free(h->tls);
	free(h->user_agent);
	free(h);
}

void http_answer__clear(struct http_answer *a)
{
	buf_free(&a->body);
	*a = (struct http_answer){0};
}

/* ---- bytes ------------------------------------------------------------------------------------------------ */

static ssize_t plain_send(int fd, const char *bytes, size_t len, const struct patience *p)
{
	ssize_t n;
	int err = 0;

	while ((n = send(fd, bytes, len, MSG_NOSIGNAL)) < 0 && (errno == EAGAIN || errno == EINTR) && !err)
		err = patience_wait(p, fd, POLLOUT);
	return n >= 0 ? n : err ? err : -errno;
}

static ssize_t plain_recv(int fd, char *bytes, size_t len, const struct patience *p)
{
	ssize_t n;
	int err = 0;

	while ((n = recv(fd, bytes, len, 0)) < 0 && (errno == EAGAIN || errno == EINTR) && !err)
		err = patience_wait(p, fd, POLLIN);
	return n >= 0 ? n : err ? err : -errno;
}

static int send_all(struct http *h, const char *bytes, size_t len, const struct patience *p)
{
	while (len) {
		ssize_t n = h->is_tls ? tls__send(h->tls, bytes, len, p) : plain_send(h->fd, bytes, len, p);

		if (n <= 0)
			return n ? (int)n : -EPIPE;
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

/* One whole answer. 0 or negative errno; what is no HTTP is 0, too, and `w` says so. */
static int receive(struct http *h, struct http_wire *w, const struct patience *p)
{
	char bytes[4096];

	while (w->state < HTTP_WIRE_DONE) {
		ssize_t n = h->is_tls ? tls__recv(h->tls, bytes, sizeof(bytes), p)
				      : plain_recv(h->fd, bytes, sizeof(bytes), p);

		if (n == -ETIMEDOUT || n == -ECANCELED)
			return (int)n;
		if (n <= 0)
			http_wire__end(w);
		else if (http_wire__feed(w, bytes, (size_t)n) < (size_t)n)
			w->keeps_alive = false; /* more than was asked for */
	}
	return 0;
}

/* ---- what is said ----------------------------------------------------------------------------------------- */

static char *percent_decoded(const char *text)
{
	char *out = xstrdup(text), *to = out, hex[3] = "";

	for (const char *s = out; *s; s++) {
		if (*s == '%' && isxdigit((unsigned char)s[1]) && isxdigit((unsigned char)s[2])) {
			memcpy(hex, s + 1, 2);
			*to++ = (char)strtoul(hex, NULL, 16);
			s += 2;
		} else {
			*to++ = *s;
		}
	}
	*to = 0;
	return out;
}

static void put_proxy_user(struct buf *head, const struct http_url *proxy)
{
	__cleanup_free char *user = proxy->user ? percent_decoded(proxy->user) : NULL;
	unsigned char coded[1024];
	size_t len = 0;

	if (user && !mbedtls_base64_encode(coded, sizeof(coded), &len, (const unsigned char *)user, strlen(user)))
		buf_printf(head, "Proxy-Authorization: Basic %.*s\r\n", (int)len, (const char *)coded);
}

static void put_host(struct buf *head, const struct http_url *u)
{
	__cleanup_free char *where = http_url__authority(u);

	if (u->port == (u->tls ? 443 : 80))
		*strrchr(where, ':') = 0;
	buf_printf(head, "Host: %s\r\n", where);
}

/* A proxy that only passes on what is no secret to it gets the whole URL. */
static void put_head(struct http *h, struct post *p)
{
	const struct http_request *q = p->q;
	__cleanup_free char *where = http_url__authority(&p->url);
	bool is_passed_on = p->has_proxy && !p->url.tls;

	buf_printf(&p->head, "POST %s%s%s HTTP/1.1\r\n", is_passed_on ? "http://" : "", is_passed_on ? where : "",
		   p->url.path);
	put_host(&p->head, &p->url);
	if (is_passed_on)
		put_proxy_user(&p->head, &p->proxy);
	buf_printf(&p->head, "User-Agent: %s\r\nAccept: */*\r\nContent-Length: %zu\r\n", h->user_agent, q->len);
	for (size_t i = 0; i < q->header_cnt; i++)
		buf_printf(&p->head, "%s\r\n", q->headers[i]);
	buf_puts(&p->head, "\r\n");
}

/* ---- connections ------------------------------------------------------------------------------------------ */

static int ask_for_tunnel(struct http *h, struct post *p, const char *where)
{
	struct http_wire w;
	struct buf head = {0};
	int err;

	http_wire__init(&w, true, clock_unix_ns() / 1000000000ull);
	buf_printf(&head, "CONNECT %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\n", where, where, h->user_agent);
	put_proxy_user(&head, &p->proxy);
	buf_puts(&head, "\r\n");
	err = send_all(h, head.data, head.len, &p->patience);
	if (!err)
		err = receive(h, &w, &p->patience);
	if (err)
		snprintf(p->out->error, OWN_ERROR_SIZE, "the proxy %s: %s", p->proxy.host, patience_error(err));
	else if (w.state == HTTP_WIRE_BAD)
		snprintf(p->out->error, OWN_ERROR_SIZE, "the proxy %s: %s", p->proxy.host, w.why);
	else if (w.status / 100 != 2)
		snprintf(p->out->error, OWN_ERROR_SIZE, "the proxy %s does not connect to %s: it says %d",
			 p->proxy.host, where, w.status);
	err = err ? err : w.state == HTTP_WIRE_DONE && w.status / 100 == 2 ? 0 : -EIO;
	buf_free(&head);
	http_wire__clear(&w);
	return err;
}

static int call(struct http *h, struct post *p)
{
	const struct http_url *first = p->has_proxy ? &p->proxy : &p->url;
	__cleanup_free char *where = http_url__authority(&p->url);
	int err;

	h->fd = own_connect(first->host, first->port, &p->patience, p->out->error);
	if (h->fd < 0) {
		err = h->fd;
		h->fd = -1;
		return err;
	}
	err = p->has_proxy && p->url.tls ? ask_for_tunnel(h, p, where) : 0;
	if (!err && p->url.tls) {
		err = tls__start(h->tls, h->fd, p->url.host, p->q->ca_file, &p->patience, p->out->error);
		h->is_tls = !err;
	}
	if (err)
		hang_up(h);
	return err;
}

/* Nothing was said since the last answer, not even a farewell. */
static bool is_silent(int fd)
{
	struct pollfd one = {.fd = fd, .events = POLLIN | POLLRDHUP};

	return poll(&one, 1, 0) == 0;
}

static char *destination_of(const struct post *p)
{
	__cleanup_free char *where = http_url__text(&p->url);
	__cleanup_free char *by = p->has_proxy ? http_url__text(&p->proxy) : NULL;

	return xasprintf("%s by %s trusting %s", where, by ? by : "-", p->q->ca_file ? p->q->ca_file : "-");
}

/* The connection of before, where it serves. */
static bool may_use_again(struct http *h, const char *leads_to)
{
	if (h->fd >= 0 && (!h->leads_to || strcmp(h->leads_to, leads_to) || !is_silent(h->fd)))
		hang_up(h);
	return h->fd >= 0;
}

/* ---- a request -------------------------------------------------------------------------------------------- */

/* Into `out`; false: the connection turned out to have been ended before, and nothing came back. */
static bool exchange(struct http *h, struct post *p)
{
	int err = send_all(h, p->head.data, p->head.len, &p->patience), unsent;

	unsent = err ? err : send_all(h, p->q->body, p->q->len, &p->patience);
	err = unsent == -ETIMEDOUT || unsent == -ECANCELED ? unsent : 0;
	p->out->connected = true;
	/* A server may refuse before it has read everything, and say why. */
	if (!err)
		err = receive(h, &p->wire, &p->patience);
	if (err)
		snprintf(p->out->error, OWN_ERROR_SIZE, "%s", patience_error(err));
	else if (p->wire.state == HTTP_WIRE_BAD)
		snprintf(p->out->error, OWN_ERROR_SIZE, "%s", p->wire.why);
	if (p->wire.state == HTTP_WIRE_BODY || p->wire.state == HTTP_WIRE_DONE)
		p->out->status = p->wire.status;
	if (unsent || err || p->wire.state != HTTP_WIRE_DONE || !p->wire.keeps_alive)
		hang_up(h);
	return p->out->status || err || p->wire.total;
}

static void run(struct http *h, struct post *p)
{
	__cleanup_free char *leads_to = destination_of(p);
	bool is_old = may_use_again(h, leads_to);

	put_head(h, p);
	for (;;) {
		if (!is_old && call(h, p))
			return;
		free(h->leads_to);
		h->leads_to = xstrdup(leads_to);
		http_wire__init(&p->wire, false, clock_unix_ns() / 1000000000ull);
		if (exchange(h, p) || !is_old)
			return;
		/* The server ended it as we began: once more, by a new one. */
		hang_up(h);
		http_wire__clear(&p->wire);
		is_old = false;
	}
}

/* 0 or -EINVAL with the answer's error. */
static int find_way(struct post *p)
{
	const char *why = "", *proxy;

	if (http_url__parse(p->q->url, &p->url, &why)) {
		snprintf(p->out->error, OWN_ERROR_SIZE, "the URL cannot be used: %s", why);
		return -EINVAL;
	}
	proxy = p->q->proxy ? p->q->proxy : http_proxy_of(&p->url);
	if (!proxy || !*proxy)
		return 0;
	p->has_proxy = true;
	{
		__cleanup_free char *whole = xasprintf("%s%s", strstr(proxy, "://") ? "" : "http://", proxy);

		if (http_url__parse(whole, &p->proxy, &why) || p->proxy.tls) {
			snprintf(p->out->error, OWN_ERROR_SIZE, "the proxy's URL cannot be used: %s",
				 p->proxy.tls ? "only http:// can" : why);
			return -EINVAL;
		}
	}
	return 0;
}

void http__post(struct http *h, const struct http_request *q, struct http_answer *out)
{
	struct post p = {.q = q, .out = out, .patience = {clock_now_ns() + q->timeout_ns, q->stop}};

	*out = (struct http_answer){0};
	if (!find_way(&p))
		run(h, &p);
	out->retry_after_ns = p.wire.retry_after_ns;
	out->body = p.wire.body;
	p.wire.body = (struct buf){0};
	http_wire__clear(&p.wire);
	http_url__clear(&p.url);
	http_url__clear(&p.proxy);
	buf_free(&p.head);
}
