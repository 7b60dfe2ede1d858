/* SPDX-License-Identifier: MIT */
/*
 * A stall is distinguished from a busy machine by the child's own clock and state: as long as it is runnable, or its
 * CPU time grows, it is not stuck. All waiting and computing in vain comes out of one purse, so that many hostile
 * processes cannot make of many short waits a long one.
 */
#include "user/os/worker.h"
#include "user/os/privileges.h"
#include "user/os/tasks.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define STEP_MS       20
#define STALL_MS      400 /* the ring buffer has room for a second */
#define TOTAL_MS      1000
#define HURRY_MS      40  /* the purse is empty, or the user wants an end */
#define LEAN_MS       100 /* of computing, when the purse is empty */
#define OVER_MS       400 /* of all there is to ask, once the user wants an end */
#define PURSE_MS      800 /* of waiting and computing in vain; fills up again within PURSE_FILL_MS */
#define PURSE_FILL_MS 10000
#define AVOID_NS      30000000000ull /* a process that did not answer */
#define AVOIDED       64
#define REPLY_MAX     (256u << 20)

struct request {
	worker_fn fn;
	uint64_t len; /* of the argument, which follows */
};

struct answer {
	uint64_t messages, bytes; /* their lengths; both follow */
	int result;
};

static struct {
	pid_t pid;   /* 0: none */
	pid_t owner; /* whose child it is: copies of this program make their own */
	int fd;
	bool inside; /* this is the child */
	int hurry_fd;
	uint64_t end_ns;     /* from when on the user wants an end; 0: not yet known */
	uint64_t hurried_ns; /* since when there is something to read */
	double purse_ms;
	uint64_t purse_ns; /* when that was so */
	struct {
		pid_t pid;
		uint64_t until_ns;
	} avoided[AVOIDED];
	unsigned next_avoided;
} worker = {.hurry_fd = -1, .purse_ms = PURSE_MS};

/* ---- the child ---------------------------------------------------------------------------------------- */

static struct buf messages; /* of one request: a level, and a text with its zero */

static void keep_message(enum log_level level, const char *text)
{
	char byte = (char)level;

	buf_put(&messages, &byte, 1);
	buf_put(&messages, text, strlen(text) + 1);
}

static bool transfer(int fd, void *bytes, size_t len, bool out)
{
	char *at = bytes;

	while (len) {
		ssize_t n = out ? send(fd, at, len, MSG_NOSIGNAL) : recv(fd, at, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

static bool serve_one(int fd)
{
	__cleanup_free char *arg = NULL;
	struct buf reply = {0};
	struct request q;
	struct answer a;
	bool ok;

	if (!transfer(fd, &q, sizeof(q), false))
		return false;
	arg = xmalloc(q.len + 1);
	if (!transfer(fd, arg, q.len, false))
		return false;
	buf_reset(&messages);
	a.result = q.fn(arg, &reply);
	a.messages = messages.len;
	a.bytes = reply.len;
	ok = transfer(fd, &a, sizeof(a), true) && transfer(fd, messages.data, messages.len, true) &&
	     transfer(fd, reply.data, reply.len, true);
	buf_free(&reply);
	return ok;
}

static void serve_all(int fd)
{
	log_divert(keep_message);
	while (serve_one(fd))
		;
}

/*
 * It may outlive us, so it must hold nothing that others wait for: neither timers and programs of BPF nor the ends of
 * pipes. It reads hostile memory, so it may do nothing else. Signals from the terminal are for its parent.
 */
static void detach(int fd)
{
	static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGUSR1};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "pybpfprof-aside");
	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		signal(ignored[i], SIG_IGN);
	for (int i = 0; i < 3; i++)
		dup2(null, i);
	dup2(fd, 3);
	syscall(SYS_close_range, 4, ~0u, 0);
	privileges_keep_only(PRIVILEGES_LOOK);
}

static pid_t start_child(int type, void (*serve)(int fd), int *fd)
{
	int ends[2];
	pid_t pid;

	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends))
		return -errno;
	pid = fork();
	if (!pid) {
		detach(ends[1]);
		worker.inside = true;
		serve(3);
		_exit(0);
	}
	if (pid < 0)
		pid = -errno;
	close(ends[1]);
	if (pid < 0)
		close(ends[0]);
	else
		*fd = ends[0];
	return pid;
}

/* ---- the parent --------------------------------------------------------------------------------------- */

pid_t worker_start(void (*serve)(int fd), int *fd)
{
	pid_t pid = start_child(SOCK_SEQPACKET, serve, fd);

	if (pid > 0)
		fcntl(*fd, F_SETFL, O_NONBLOCK);
	return pid;
}

void worker_leave(pid_t pid, int fd)
{
	close(fd);
	kill(pid, SIGKILL);
	poll(NULL, 0, 1); /* most are gone then */
	waitpid(pid, NULL, WNOHANG);
}

static void leave_behind(void)
{
	if (worker.pid > 0)
		worker_leave(worker.pid, worker.fd);
	worker.pid = 0;
}

static int start(void)
{
	if (worker.pid > 0 && worker.owner == getpid())
		return 0;
	worker.owner = getpid();
	worker.pid = start_child(SOCK_STREAM, serve_all, &worker.fd);
	return worker.pid < 0 ? worker.pid : 0;
}

static bool is_avoided(pid_t pid, uint64_t now)
{
	for (size_t i = 0; i < AVOIDED; i++)
		if (worker.avoided[i].pid == pid && now < worker.avoided[i].until_ns)
			return true;
	return false;
}

/* Once each; `why` is what it was doing. */
static void avoid(pid_t pid, const char *why)
{
	for (size_t i = 0; i < AVOIDED; i++)
		if (worker.avoided[i].pid == pid)
			worker.avoided[i].pid = 0;
	worker.avoided[worker.next_avoided].pid = pid;
	worker.avoided[worker.next_avoided].until_ns = clock_now_ns() + AVOID_NS;
	worker.next_avoided = (worker.next_avoided + 1) % AVOIDED;
	log_warn("process %d %s: skipped; what only it could tell is missing", pid, why);
}

static double purse(uint64_t now)
{
	worker.purse_ms += (double)(now - worker.purse_ns) / 1e6 * PURSE_MS / PURSE_FILL_MS;
	worker.purse_ns = now;
	if (worker.purse_ms > PURSE_MS)
		worker.purse_ms = PURSE_MS;
	return worker.purse_ms;
}

/* Since when the user wants an end; 0: not yet. */
static uint64_t hurried_since(uint64_t now)
{
	struct pollfd p = {.fd = worker.hurry_fd, .events = POLLIN};

	if (worker.end_ns && now >= worker.end_ns)
		return worker.end_ns;
	if (worker.hurry_fd < 0 || poll(&p, 1, 0) != 1)
		worker.hurried_ns = 0;
	else if (!worker.hurried_ns)
		worker.hurried_ns = now;
	return worker.hurried_ns;
}

static bool is_over(uint64_t now)
{
	uint64_t since = hurried_since(now);

	return since && now >= since + OVER_MS * 1000000ull;
}

/* How the child is getting on with one request. */
struct progress {
	const struct worker_task *t;
	uint64_t cpu_from_ns, cpu_ns, last_ns;
	double stalled_ms, waited_ms; /* at a stretch, and in all */
};

pid_t worker_pid(void)
{
	return worker.pid > 0 ? worker.pid : 0;
}

uint64_t worker_cpu_ns(void)
{
	clockid_t clock;

	return worker.pid > 0 && !clock_getcpuclockid(worker.pid, &clock) ? clock_read_ns(clock) : 0;
}

static double stall_limit(const struct worker_task *t)
{
	double limit = t->stall_ms ? t->stall_ms : STALL_MS;

	if (hurried_since(clock_now_ns()) || (!t->stall_ms && worker.purse_ms < limit))
		return HURRY_MS;
	return limit;
}

static double total_limit(const struct worker_task *t)
{
	if (t->total_ms)
		return t->total_ms;
	return worker.purse_ms < HURRY_MS ? LEAN_MS : TOTAL_MS;
}

static double computed_ms(const struct progress *p)
{
	return p->cpu_ns < p->cpu_from_ns ? 0 : (double)(p->cpu_ns - p->cpu_from_ns) / 1e6;
}

/* NULL: it may go on; else what is wrong with the process. */
static const char *judge(struct progress *p)
{
	double total = total_limit(p->t), passed;
	uint64_t now = clock_now_ns(), cpu = worker_cpu_ns();
	struct task_state s;

	passed = (double)(now - p->last_ns) / 1e6;
	p->last_ns = now;
	if (cpu != p->cpu_ns || task_state(worker.pid, worker.pid, &s) || s.letter == 'R') {
		p->stalled_ms = 0;
	} else {
		p->stalled_ms += passed;
		p->waited_ms += passed;
	}
	p->cpu_ns = cpu;
	if (p->stalled_ms >= stall_limit(p->t) || p->waited_ms >= total)
		return "does not answer (its memory or a file of its is where nothing answers)";
	return computed_ms(p) >= total ? "takes too long to read" : NULL;
}

static void pay(double ms)
{
	worker.purse_ms = worker.purse_ms > ms ? worker.purse_ms - ms : 0;
}

/* Part of an answer. 0, -EIO or -ETIMEDOUT. */
static int await(struct progress *p, void *bytes, size_t len)
{
	struct pollfd fd = {.fd = worker.fd, .events = POLLIN};
	char *at = bytes;

	while (len) {
		const char *wrong;
		ssize_t n;

		if (poll(&fd, 1, STEP_MS) == 1) {
			n = recv(worker.fd, at, len, MSG_DONTWAIT);
			if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
				return -EIO;
			at += n > 0 ? n : 0;
			len -= n > 0 ? (size_t)n : 0;
			continue;
		}
		wrong = judge(p);
		if (!wrong && is_over(p->last_ns))
			return -ETIMEDOUT; /* nobody's fault */
		if (!wrong)
			continue;
		pay(p->waited_ms + computed_ms(p));
		avoid(p->t->pid, wrong);
		return -ETIMEDOUT;
	}
	return 0;
}

static void repeat_messages(const char *text, size_t len)
{
	for (const char *end = text + len; text < end; text += strlen(text) + 1) {
		enum log_level level = (enum log_level) * text++;

		log_write(level, "%s", text);
	}
}

static int await_answer(struct progress *p, struct buf *reply, int *result)
{
	__cleanup_free char *text = NULL;
	struct answer a;
	int err = await(p, &a, sizeof(a));

	if (err)
		return err;
	if (a.bytes > REPLY_MAX || a.messages > REPLY_MAX)
		return -EIO;
	text = xcalloc(1, a.messages + 1);
	buf_free(reply);
	reply->data = xmalloc(a.bytes + 1);
	reply->cap = a.bytes + 1;
	reply->len = a.bytes;
	reply->data[a.bytes] = 0;
	err = await(p, text, a.messages);
	if (!err)
		err = await(p, reply->data, a.bytes);
	if (err)
		buf_free(reply);
	else
		repeat_messages(text, a.messages);
	*result = a.result;
	return err;
}

static int ask(const struct worker_task *t, struct buf *reply, int *result)
{
	struct request q = {t->fn, t->len};
	struct progress p = {.t = t, .last_ns = clock_now_ns()};
	int err = start();

	if (err)
		return err;
	p.cpu_from_ns = p.cpu_ns = worker_cpu_ns();
	if (!transfer(worker.fd, &q, sizeof(q), true) || !transfer(worker.fd, (void *)t->arg, t->len, true))
		err = -EIO;
	if (!err)
		err = await_answer(&p, reply, result);
	if (err)
		leave_behind();
	return err;
}

int worker_call(const struct worker_task *t, struct buf *reply)
{
	uint64_t now = clock_now_ns();
	int err, result = 0;

	buf_reset(reply);
	if (worker.inside)
		return t->fn(t->arg, reply);
	if (is_avoided(t->pid, now) || is_over(now) || (purse(now) < HURRY_MS && hurried_since(now)))
		return -ETIMEDOUT;
	err = ask(t, reply, &result);
	if (err == -EIO)
		avoid(t->pid, "cannot be read (reading it failed badly)");
	return err ? err : result;
}

bool worker_is_inside(void)
{
	return worker.inside;
}

void worker_set_hurry(int fd)
{
	worker.hurry_fd = fd;
}

void worker_set_end(uint64_t ns)
{
	worker.end_ns = ns;
}

void worker_end_now(void)
{
	uint64_t now = clock_now_ns();

	if (!worker.end_ns || worker.end_ns > now)
		worker.end_ns = worker.hurried_ns ? worker.hurried_ns : now;
}

bool worker_is_over(void)
{
	return is_over(clock_now_ns());
}
