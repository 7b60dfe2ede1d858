/* SPDX-License-Identifier: MIT */
/*
 * A connection's life: its head is read, the request is answered by whoever was given to serve__new(), at once or later, the
 * answer is written, and the rest of what the client sends is thrown away, or the kernel would throw away the answer.
 * Nothing here waits, and every state but the answerer's own time has an end.
 */
#include "user/serve/serve.h"
#include "user/serve/head.h"
#include "user/serve/listen.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>

#define CONNECTIONS 16
#define TURNED_AWAY 4              /* beyond them, while they are told so */
#define PATIENCE_NS 10000000000ull /* with a head, and for each PROGRESS of an answer */
#define FAREWELL_NS 2000000000ull  /* what is still sent to us is thrown away so long */
#define PAUSE_NS    1000000000ull  /* when there are no file descriptors left */
#define PROGRESS    (16u << 10)
#define SEND_BUFFER (64 << 10)   /* little, so that what is under way says how fast the client reads */
#define AT_ONCE     (256u << 10) /* to one client, before others have their turn */
#define NEVER       UINT64_MAX

enum state { FREE, HEAD, ANSWERER, ANSWER, FAREWELL };

struct serve_request { /* a connection, which has one */
	struct serve *serve;
	enum state state;
	int fd;
	bool gone;
	uint64_t until_ns; /* 0: from the next look on */
	char text[HEAD_MAX + 1];
	size_t len;
	struct head head;
	struct buf out; /* the answer's header, and its body if that is no file */
	int file;
	size_t file_len;
	size_t sent, progress; /* of both together */
};

struct serve {
	struct listen_at at;
	int epoll, timer;
	uint64_t paused_ns; /* until then nobody is let in; 0: they are */
	serve_fn fn;
	void *ctx;
	struct serve_request conns[CONNECTIONS + TURNED_AWAY];
};

/* ---- descriptors that are watched ------------------------------------------------------------------------- */

static void watch(struct serve *s, int how, int fd, uint32_t events, void *what)
{
	struct epoll_event e = {.events = events, .data.ptr = what};

	if (epoll_ctl(s->epoll, how, fd, &e))
		log_debug("epoll_ctl: %s", strerror(errno));
}

static void watch_conn(struct serve_request *q, uint32_t events)
{
	if (!q->gone)
		watch(q->serve, EPOLL_CTL_MOD, q->fd, events, q);
}

/* Not left to close(): a child that was just forked may have it open, too. */
static void unwatch(const struct serve_request *q)
{
	watch(q->serve, EPOLL_CTL_DEL, q->fd, 0, NULL);
}

static void drop(struct serve_request *q)
{
	if (!q->gone)
		unwatch(q);
	close(q->fd);
	if (q->file >= 0)
		close(q->file);
	buf_free(&q->out);
	q->state = FREE;
}

/* ---- answers -------------------------------------------------------------------------------------------- */

static const char *reason_of(int status)
{
	static const struct {
		int status;
		const char *reason;
	} table[] = {
		{200, "OK"},
		{400, "Bad Request"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{408, "Request Timeout"},
		{421, "Misdirected Request"},
		{429, "Too Many Requests"},
		{431, "Request Header Fields Too Large"},
		{500, "Internal Server Error"},
		{503, "Service Unavailable"},
		{505, "HTTP Version Not Supported"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].status == status)
			return table[i].reason;
	return "Answer";
}

/* Pages of other origins may neither read nor frame it, and nothing keeps what is true for a moment only. */
static void put_header(struct serve_request *q, int status, const char *type, size_t len)
{
	buf_printf(&q->out,
		   "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\nCache-Control: "
		   "no-store\r\n"
		   "X-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\nCross-Origin-Resource-Policy: "
		   "same-origin\r\n%s\r\n",
		   status, reason_of(status), type, len, status == 405 ? "Allow: GET, HEAD\r\n" : "");
}

static void begin_answer(struct serve_request *q)
{
	q->state = ANSWER;
	q->until_ns = 0;
	watch_conn(q, EPOLLOUT);
	if (q->gone)
		drop(q);
}

void serve_request__answer(struct serve_request *q, int status, const char *type, struct buf *body)
{
	put_header(q, status, type, body->len);
	if (!q->head.without_body)
		buf_put(&q->out, body->data, body->len);
	buf_free(body);
	begin_answer(q);
}

void serve_request__answer_file(struct serve_request *q, int status, const char *type, int fd)
{
	struct stat st = {0};

	fstat(fd, &st);
	put_header(q, status, type, (size_t)st.st_size);
	if (q->head.without_body) {
		close(fd);
	} else {
		q->file = fd;
		q->file_len = (size_t)st.st_size;
	}
	begin_answer(q);
}

static void refuse(struct serve_request *q, int status, const char *why)
{
	struct buf body = {0};

	buf_printf(&body, "%s\n", why);
	serve_request__answer(q, status, "text/plain; charset=utf-8", &body);
}

const char *serve_request__param(const struct serve_request *q, const char *name)
{
	for (size_t i = 0; i < q->head.param_cnt; i++)
		if (!strcmp(q->head.params[i].name, name))
			return q->head.params[i].value;
	return NULL;
}

bool serve_request__is_gone(const struct serve_request *q)
{
	return q->gone;
}

/* ---- what the client does --------------------------------------------------------------------------------- */

/* Names that a page of somebody else's has led to us (DNS rebinding) are none of ours. A browser reaches no unix socket. */
static bool is_for_us(const struct serve_request *q)
{
	return q->serve->at.path || !q->head.host || head_is_loopback(q->head.host);
}

static void hand_on(struct serve_request *q, size_t len)
{
	const char *why = "";
	int status;

	q->text[len] = '\0'; /* what is behind it (pipelined) is not read: there is one answer */
	q->until_ns = NEVER;
	q->state = ANSWERER;
	watch_conn(q, 0); /* whether it is gone is told all the same */
	status = head_parse(q->text, len, &q->head, &why);
	if (status)
		refuse(q, status, why);
	else if (!is_for_us(q))
		refuse(q, 421, "the Host line must name this machine: localhost, 127.0.0.1 or [::1]");
	else
		q->serve->fn(q->serve->ctx, q, q->head.path);
}

static void read_head(struct serve_request *q)
{
	ssize_t n = recv(q->fd, q->text + q->len, HEAD_MAX - q->len, 0);
	size_t len;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		drop(q);
		return;
	}
	q->len += (size_t)n;
	len = head_length(q->text, q->len);
	if (len)
		hand_on(q, len);
	else if (q->len == HEAD_MAX)
		refuse(q, 431, "the header has more than 8192 bytes");
}

static void say_farewell(struct serve_request *q, uint64_t now)
{
	buf_free(&q->out);
	shutdown(q->fd, SHUT_WR);
	q->state = FAREWELL;
	q->until_ns = now + FAREWELL_NS;
	watch_conn(q, EPOLLIN);
}

static ssize_t write_some(struct serve_request *q)
{
	off_t at;

	if (q->sent < q->out.len)
		return send(q->fd, q->out.data + q->sent, q->out.len - q->sent,
			    MSG_NOSIGNAL | (q->file >= 0 ? MSG_MORE : 0));
	at = (off_t)(q->sent - q->out.len);
	return sendfile(q->fd, q->file, &at, q->file_len - (size_t)at);
}

static void write_answer(struct serve_request *q, uint64_t now)
{
	size_t len = q->out.len + q->file_len, most = q->sent + AT_ONCE;

	while (q->sent < len && q->sent < most) {
		ssize_t n = write_some(q);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n <= 0) { /* gone, or the file has become shorter */
			drop(q);
			return;
		}
		q->sent += (size_t)n;
	}
	if (q->sent == len) {
		say_farewell(q, now);
	} else if (q->sent >= q->progress + PROGRESS) {
		q->progress = q->sent;
		q->until_ns = now + PATIENCE_NS;
	}
}

static void throw_away(struct serve_request *q)
{
	char waste[4096];
	ssize_t n = recv(q->fd, waste, sizeof(waste), 0);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		drop(q);
}

/* While somebody is at its answer a connection stays, but is not told of again and again. */
static void mark_gone(struct serve_request *q)
{
	unwatch(q);
	q->gone = true;
}

static void on_event(struct serve_request *q, uint32_t events, uint64_t now)
{
	if (q->state == HEAD)
		read_head(q);
	else if (q->state == ANSWERER && events & (EPOLLHUP | EPOLLERR))
		mark_gone(q);
	else if (q->state == ANSWER)
		write_answer(q, now);
	else if (q->state == FAREWELL)
		throw_away(q);
}

/* ---- who comes ------------------------------------------------------------------------------------------ */

/* One of these. Who takes a seat and does not ask has to give it to the next; NULL: all are being answered. */
static struct serve_request *find_seat(struct serve_request *seats, size_t cnt)
{
	struct serve_request *idlest = NULL;

	for (struct serve_request *q = seats; q < seats + cnt; q++) {
		if (q->state == FREE)
			return q;
		if ((q->state == HEAD || q->state == FAREWELL) && (!idlest || q->until_ns < idlest->until_ns))
			idlest = q;
	}
	if (idlest)
		drop(idlest);
	return idlest;
}

static void let_in(struct serve *s, int fd, uint64_t now)
{
	struct serve_request *q = find_seat(s->conns, CONNECTIONS);
	int size = SEND_BUFFER;
	bool full = !q;

	if (full)
		q = find_seat(s->conns + CONNECTIONS, TURNED_AWAY);
	if (!q) {
		close(fd);
		return;
	}
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	*q = (struct serve_request){.serve = s, .state = HEAD, .fd = fd, .file = -1, .until_ns = now + PATIENCE_NS};
	watch(s, EPOLL_CTL_ADD, fd, EPOLLIN, q);
	if (full)
		refuse(q, 503, "too many are being answered just now");
}

static void accept_all(struct serve *s, uint64_t now)
{
	for (int i = 0; i < CONNECTIONS; i++) {
		int fd = accept4(s->at.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			let_in(s, fd, now);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			watch(s, EPOLL_CTL_MOD, s->at.fd, 0, s);
			s->paused_ns = now + PAUSE_NS;
			return;
		} else if (errno == EAGAIN) {
			return;
		}
	}
}

/* ---- time ----------------------------------------------------------------------------------------------- */

static void on_time(struct serve_request *q, uint64_t now)
{
	if (q->until_ns && now >= q->until_ns) {
		if (q->state == HEAD && q->len)
			refuse(q, 408, "the request did not come to its end in time");
		else
			drop(q);
	}
	if (!q->until_ns)
		q->until_ns = now + PATIENCE_NS;
}

static void look_at_times(struct serve *s, uint64_t now)
{
	struct itimerspec when = {0};
	uint64_t next = NEVER;

	if (s->paused_ns && now >= s->paused_ns) {
		s->paused_ns = 0;
		watch(s, EPOLL_CTL_MOD, s->at.fd, EPOLLIN, s);
	}
	for (size_t i = 0; i < ARRAY_SIZE(s->conns); i++) {
		if (s->conns[i].state != FREE)
			on_time(&s->conns[i], now);
		if (s->conns[i].state != FREE && s->conns[i].until_ns < next)
			next = s->conns[i].until_ns;
	}
	if (s->paused_ns && s->paused_ns < next)
		next = s->paused_ns;
	if (next != NEVER)
		when.it_value = (struct timespec){(time_t)(next / 1000000000), (long)(next % 1000000000)};
	timerfd_settime(s->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

void serve__poll(struct serve *s, uint64_t now_ns)
{
	struct epoll_event events[ARRAY_SIZE(s->conns) + 2];
	int n = epoll_wait(s->epoll, events, ARRAY_SIZE(events), 0);
	bool come = false;

	for (int i = 0; i < n; i++) {
		if (events[i].data.ptr == s)
			come = true;
		else if (events[i].data.ptr != &s->timer)
			on_event(events[i].data.ptr, events[i].events, now_ns);
	}
	if (come) /* at last: a seat may change its owner */
		accept_all(s, now_ns);
	look_at_times(s, now_ns);
}

/* ---- beginning and end ---------------------------------------------------------------------------------- */

int serve__new(const char *where, serve_fn fn, void *ctx, struct serve **out)
{
	struct serve *s = xcalloc(1, sizeof(*s));
	int err;

	s->fn = fn;
	s->ctx = ctx;
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	err = s->epoll < 0 || s->timer < 0 ? -errno : 0;
	if (err) {
		s->at = (struct listen_at){.fd = -1};
		log_error("cannot listen at %s: %s", where, strerror(-err));
	} else {
		err = listen_open(where, &s->at);
	}
	if (err) {
		serve__free(s);
		return err;
	}
	watch(s, EPOLL_CTL_ADD, s->at.fd, EPOLLIN, s);
	watch(s, EPOLL_CTL_ADD, s->timer, EPOLLIN, &s->timer);
	*out = s;
	return 0;
}

void serve__free(struct serve *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(s->conns); i++)
		if (s->conns[i].state != FREE)
			drop(&s->conns[i]);
	listen_close(&s->at);
	if (s->epoll >= 0)
		close(s->epoll);
	if (s->timer >= 0)
		close(s->timer);
	free(s);
}

int serve__fd(const struct serve *s)
{
	return s->epoll;
}

const char *serve__url(const struct serve *s)
{
	return s->at.url;
}
