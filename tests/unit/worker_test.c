/* SPDX-License-Identifier: MIT */
/* Work that does not end, in all the ways in which it may not, and that nobody waits for it. */
#include "user/os/worker.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <cmocka.h>

static unsigned state_of_parent;
static char said[4096];

static void keep(enum log_level level, const char *text)
{
	snprintf(said + strlen(said), sizeof(said) - strlen(said), "%d %s\n", level, text);
}

static int call(pid_t pid, worker_fn fn, const void *arg, size_t len, struct buf *reply)
{
	const struct worker_task t = {.pid = pid, .fn = fn, .arg = arg, .len = len};

	return worker_call(&t, reply);
}

static double took_ms(uint64_t since_ns)
{
	return (double)(clock_now_ns() - since_ns) / 1e6;
}

static int repeat(const void *arg, struct buf *reply)
{
	state_of_parent++;
	log_warn("about %s", (const char *)arg);
	for (int i = 0; i < 100000; i++)
		buf_puts(reply, arg);
	return 0;
}

static int hang(const void *arg, struct buf *reply)
{
	(void)arg;
	(void)reply;
	return pause();
}

static int burn(const void *arg, struct buf *reply)
{
	(void)arg;
	(void)reply;
	for (volatile unsigned i = 1; i; i += 2)
		;
	return 0;
}

static int crash(const void *arg, struct buf *reply)
{
	(void)arg;
	(void)reply;
	signal(SIGSEGV, SIG_DFL);
	return raise(SIGSEGV);
}

static int refuse(const void *arg, struct buf *reply)
{
	buf_puts(reply, arg);
	return -ENODATA;
}

static void answers_come_back(void **state)
{
	struct buf reply = {0};

	(void)state;
	for (int i = 0; i < 3; i++) {
		said[0] = 0;
		assert_int_equal(call(1, repeat, "word", 5, &reply), 0);
		assert_int_equal(reply.len, 400000);
		assert_memory_equal(reply.data + 399996, "word", 4);
		assert_int_equal(call(1, refuse, "why", 4, &reply), -ENODATA);
		assert_string_equal(reply.data, "why");
		assert_string_equal(said, "1 about word\n");
	}
	assert_int_equal(state_of_parent, 0);
	buf_free(&reply);
}

static void what_hangs_is_left_behind(void **state)
{
	struct buf reply = {0};
	uint64_t start = clock_now_ns();

	(void)state;
	said[0] = 0;
	assert_int_equal(call(2, hang, "", 1, &reply), -ETIMEDOUT);
	assert_in_range(took_ms(start), 300, 1500);
	assert_non_null(strstr(said, "process 2 does not answer"));
	start = clock_now_ns();
	assert_int_equal(call(2, repeat, "word", 5, &reply), -ETIMEDOUT); /* not asked again */
	assert_true(took_ms(start) < 100);
	assert_int_equal(call(1, repeat, "word", 5, &reply), 0); /* others are */
	buf_free(&reply);
}

static void what_computes_for_ever_is_left_behind(void **state)
{
	struct buf reply = {0};
	uint64_t start = clock_now_ns();

	(void)state;
	said[0] = 0;
	assert_int_equal(call(3, burn, "", 1, &reply), -ETIMEDOUT);
	assert_in_range(took_ms(start), 900, 5000);
	assert_non_null(strstr(said, "process 3 takes too long"));
}

static void what_crashes_is_told(void **state)
{
	struct buf reply = {0};

	(void)state;
	said[0] = 0;
	assert_int_equal(call(4, crash, "", 1, &reply), -EIO);
	assert_non_null(strstr(said, "process 4 cannot be read"));
	assert_int_equal(call(1, repeat, "word", 5, &reply), 0);
	buf_free(&reply);
}

/* A hundred that hang are no hundred times as bad as one. */
static void all_waiting_has_one_limit(void **state)
{
	struct buf reply = {0};
	uint64_t start = clock_now_ns();

	(void)state;
	for (pid_t pid = 100; pid < 120; pid++)
		assert_int_equal(call(pid, hang, "", 1, &reply), -ETIMEDOUT);
	assert_true(took_ms(start) < 3000);
}

static void hurry_ends_it_sooner(void **state)
{
	struct buf reply = {0};
	uint64_t start;
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	worker_set_hurry(ends[0]);
	start = clock_now_ns();
	for (pid_t pid = 200; pid < 300; pid++)
		assert_int_equal(call(pid, hang, "", 1, &reply), -ETIMEDOUT);
	assert_true(took_ms(start) < 1000);
	worker_set_hurry(-1);
	close(ends[0]);
	close(ends[1]);
}

/* CPU time of all that were left behind: each was killed. */
static uint64_t cpu_of_workers(void)
{
	struct rusage used;

	while (waitpid(-1, NULL, 0) > 0)
		;
	assert_int_equal(getrusage(RUSAGE_CHILDREN, &used), 0);
	return ((uint64_t)used.ru_utime.tv_sec + (uint64_t)used.ru_stime.tv_sec) * 1000000000 +
	       ((uint64_t)used.ru_utime.tv_usec + (uint64_t)used.ru_stime.tv_usec) * 1000;
}

static void all_computing_has_one_limit(void **state)
{
	struct buf reply = {0};
	uint64_t before;

	(void)state;
	assert_int_equal(call(399, burn, "", 1, &reply), -ETIMEDOUT); /* none is left that lives */
	before = cpu_of_workers();
	for (pid_t pid = 400; pid < 420; pid++)
		assert_int_equal(call(pid, burn, "", 1, &reply), -ETIMEDOUT);
	assert_true(cpu_of_workers() - before < 12000000000ull); /* not 20 s; a busy machine looks at it late */
}

/* What is being asked is left, and no more is asked; nobody is blamed. */
static void an_end_ends_it(void **state)
{
	struct buf reply = {0};
	uint64_t start = clock_now_ns();

	(void)state;
	said[0] = 0;
	worker_set_end(clock_now_ns());
	for (pid_t pid = 500; pid < 600; pid++)
		assert_int_equal(call(pid, burn, "", 1, &reply), -ETIMEDOUT);
	assert_true(took_ms(start) < 1000);
	while (!worker_is_over() && took_ms(start) < 1000)
		poll(NULL, 0, 10);
	assert_true(worker_is_over());
	assert_int_equal(call(1, repeat, "word", 5, &reply), -ETIMEDOUT);
	assert_null(strstr(said, "process 599"));
	worker_set_end(0);
	assert_false(worker_is_over());
	assert_int_equal(call(1, repeat, "word", 5, &reply), 0);
	assert_int_equal(call(599, repeat, "word", 5, &reply), 0);
	buf_free(&reply);
}

static unsigned long long capabilities(void)
{
	unsigned long long bits = 0;
	char line[128];
	FILE *f = fopen("/proc/self/status", "re");

	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "CapEff: %llx", &bits);
	fclose(f);
	return bits;
}

static int tell_capabilities(const void *arg, struct buf *reply)
{
	unsigned long long bits = capabilities();

	(void)arg;
	buf_put(reply, &bits, sizeof(bits));
	return 0;
}

/* Of root's many it has those to look. */
static void it_may_only_look(void **state)
{
	unsigned long long bits,
		look = 1ull << 2 | 1ull << 19 | 1ull << 40; /* DAC_READ_SEARCH, SYS_PTRACE, CHECKPOINT_RESTORE */
	struct buf reply = {0};

	(void)state;
	assert_int_equal(call(1, tell_capabilities, "", 1, &reply), 0);
	assert_int_equal(reply.len, sizeof(bits));
	memcpy(&bits, reply.data, sizeof(bits));
	assert_true(bits == (capabilities() & look));
	buf_free(&reply);
}

/* One that cannot be killed lives on: nobody who waits for the end of a pipe of ours may wait for it. */
static void it_holds_nothing_of_ours(void **state)
{
	struct pollfd p = {.events = POLLIN};
	struct buf reply = {0};
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(call(5, crash, "", 1, &reply), -EIO); /* so the next child has the pipe */
	assert_int_equal(call(1, repeat, "word", 5, &reply), 0);
	close(ends[1]);
	p.fd = ends[0];
	assert_int_equal(poll(&p, 1, 1000), 1);
	assert_true(p.revents & POLLHUP);
	close(ends[0]);
	buf_free(&reply);
}

static void a_copy_of_us_has_its_own(void **state)
{
	struct buf reply = {0};
	int status;
	pid_t pid;

	(void)state;
	assert_int_equal(call(1, repeat, "word", 5, &reply), 0);
	pid = fork();
	if (!pid)
		_exit(call(1, repeat, "other", 6, &reply) || reply.len != 500000);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(call(1, repeat, "word", 5, &reply), 0);
		assert_int_equal(reply.len, 400000);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	buf_free(&reply);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_come_back),
		cmocka_unit_test(what_hangs_is_left_behind),
		cmocka_unit_test(what_computes_for_ever_is_left_behind),
		cmocka_unit_test(what_crashes_is_told),
		cmocka_unit_test(all_waiting_has_one_limit),
		cmocka_unit_test(hurry_ends_it_sooner),
		cmocka_unit_test(it_may_only_look),
		cmocka_unit_test(an_end_ends_it),
		cmocka_unit_test(all_computing_has_one_limit),
		cmocka_unit_test(it_holds_nothing_of_ours),
		cmocka_unit_test(a_copy_of_us_has_its_own),
	};

	log_divert(keep);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
