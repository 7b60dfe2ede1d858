/* SPDX-License-Identifier: MIT */
/*
 * The child answers in order, so what is wrong when it does not is the first question: that one is given up, and a new child
 * gets the others. A process whose question that was is left alone for a while.
 */
#include "user/target/native_channel.h"
#include "user/os/tasks.h"
#include "user/os/worker.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define WINDOW    16            /* questions under way */
#define STALL_NS  3000000000ull /* without any progress */
#define CPU_NS    8000000000ull /* of computing for one question */
#define AVOID_NS  30000000000ull
#define AVOIDED   32
#define REPLY_MAX (128u << 20)

struct question {
	struct question *next;
	bool sent;
	struct native_request q;
};

struct native_channel {
	native_answered_fn answered;
	void *ctx;
	struct question *first, **last;
	size_t cnt, sent;
	uint32_t last_id;
	pid_t child; /* 0: none */
	int fd;
	uint64_t cpu_from_ns, cpu_ns,
		moved_ns; /* its clock when the first question's turn came, and last; when that changed */
	struct {
		pid_t pid;
		uint64_t until_ns;
	} avoided[AVOIDED];
	unsigned next_avoided;
};

struct native_channel *native_channel__new(native_answered_fn answered, void *ctx)
{
	struct native_channel *c = xcalloc(1, sizeof(*c));

	c->answered = answered;
	c->ctx = ctx;
	c->last = &c->first;
	c->fd = -1;
	return c;
}

static void leave(struct native_channel *c)
{
	if (c->child > 0)
		worker_leave(c->child, c->fd);
	c->child = 0;
	c->fd = -1;
}

void native_channel__free(struct native_channel *c)
{
	if (!c)
		return;
	leave(c);
	while (c->first) {
		struct question *next = c->first->next;

		free(c->first);
		c->first = next;
	}
	free(c);
}

size_t native_channel__open(const struct native_channel *c)
{
	return c->cnt;
}

int native_channel__fd(const struct native_channel *c)
{
	return c->fd;
}

void native_channel__ask(struct native_channel *c, const struct native_request *q)
{
	struct question *one = xcalloc(1, sizeof(*one));

	one->q = *q;
	one->q.id = ++c->last_id;
	*c->last = one;
	c->last = &one->next;
	c->cnt++;
}

/* ---- answers --------------------------------------------------------------------------------------------- */

static uint64_t child_cpu(const struct native_channel *c)
{
	clockid_t clock;

	return clock_getcpuclockid(c->child, &clock) ? 0 : clock_read_ns(clock);
}

/* The next question's turn has come. */
static void turn(struct native_channel *c)
{
	c->cpu_from_ns = c->cpu_ns = c->child ? child_cpu(c) : 0;
	c->moved_ns = clock_now_ns();
}

static void finish_first(struct native_channel *c, int result, const struct buf *reply)
{
	struct question *one = c->first;

	c->first = one->next;
	if (!c->first)
		c->last = &c->first;
	c->cnt--;
	c->sent -= one->sent;
	c->answered(c->ctx, &one->q, result, reply);
	free(one);
}

static bool read_bytes(int fd, size_t len, struct buf *reply)
{
	if (len > REPLY_MAX)
		return false;
	reply->data = xmalloc(len + 1);
	reply->cap = len + 1;
	while (reply->len < len) {
		ssize_t n = pread(fd, reply->data + reply->len, len - reply->len, (off_t)reply->len);

		if (n <= 0)
			return false;
		reply->len += (size_t)n;
	}
	return true;
}

/* 1: one was received; 0: there is none now; -1: the child has ended, or talks nonsense. */
static int receive(struct native_channel *c)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct native_answer a;
	struct iovec v = {&a, sizeof(a)};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(c->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	__cleanup_close int fd = -1;
	struct buf reply = {0};

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n > 0 && CMSG_FIRSTHDR(&m))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	if (n != sizeof(a) || !c->first || a.id != c->first->q.id)
		return -1;
	if (a.bytes && !read_bytes(fd, a.bytes, &reply))
		a.result = -EIO;
	finish_first(c, a.result, &reply);
	buf_free(&reply);
	turn(c);
	return 1;
}

/* ---- the child ------------------------------------------------------------------------------------------- */

static void avoid(struct native_channel *c, pid_t pid)
{
	c->avoided[c->next_avoided].pid = pid;
	c->avoided[c->next_avoided].until_ns = clock_now_ns() + AVOID_NS;
	c->next_avoided = (c->next_avoided + 1) % AVOIDED;
}

static bool is_avoided(const struct native_channel *c, pid_t pid, uint64_t now)
{
	for (size_t i = 0; i < AVOIDED; i++)
		if (c->avoided[i].pid == pid && now < c->avoided[i].until_ns)
			return true;
	return false;
}

/* It is given up because of its first question. */
static void give_up(struct native_channel *c, const char *why)
{
	const struct buf none = {0};
	bool lines;

	leave(c);
	for (struct question *one = c->first; one; one = one->next)
		one->sent = false;
	c->sent = 0;
	if (!c->first)
		return;
	lines = c->first->q.op == NATIVE_LINES;
	log_warn("process %d: %s of its native code %s; its %s missing", c->first->q.pid,
		 lines ? "the debug information" : "a file", why,
		 lines ? "lines, and what was inlined, are" : "names, and stacks through it, are");
	avoid(c, c->first->q.pid);
	finish_first(c, -ETIMEDOUT, &none);
}

static void judge(struct native_channel *c)
{
	uint64_t now = clock_now_ns(), cpu = child_cpu(c);
	struct task_state s;

	if (cpu != c->cpu_ns || task_state(c->child, c->child, &s) || s.letter == 'R')
		c->moved_ns = now;
	c->cpu_ns = cpu;
	if (now - c->moved_ns >= STALL_NS)
		give_up(c, "does not answer");
	else if (cpu - c->cpu_from_ns >= CPU_NS)
		give_up(c, "takes too long to read");
}

static bool start(struct native_channel *c)
{
	if (!c->child) {
		c->child = worker_start(native_child_serve, &c->fd);
		if (c->child < 0)
			c->child = 0;
		turn(c);
	}
	return c->child > 0;
}

static void send_some(struct native_channel *c)
{
	uint64_t now = clock_now_ns();
	const struct buf none = {0};

	while (c->first && !c->first->sent && is_avoided(c, c->first->q.pid, now))
		finish_first(c, -ETIMEDOUT, &none);
	for (struct question *one = c->first; one && c->sent < WINDOW; one = one->next) {
		if (one->sent)
			continue;
		if (!start(c) || send(c->fd, &one->q, sizeof(one->q), MSG_NOSIGNAL) != sizeof(one->q))
			return;
		if (!c->sent)
			turn(c);
		one->sent = true;
		c->sent++;
	}
}

void native_channel__poll(struct native_channel *c)
{
	int received = 0;

	while (c->child && (received = receive(c)) > 0)
		send_some(c);
	if (received < 0)
		give_up(c, "cannot be read (reading it failed badly)");
	else if (c->sent)
		judge(c);
	send_some(c);
}
