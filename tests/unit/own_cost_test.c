/* SPDX-License-Identifier: MIT */
/* CPU time of this process, of children that live, and of those that are gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "user/os/own_cost.h"
#include "user/util/clock.h"
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define BURN_NS 300000000ull

static void burn(uint64_t ns)
{
	while (clock_read_ns(CLOCK_PROCESS_CPUTIME_ID) < ns)
		;
}

static uint64_t cpu_ns(void)
{
	struct own_cost c;

	own_cost_read(&c);
	return c.user_ns + c.system_ns;
}

/* A child that has used so much, and waits; its number. */
static pid_t start_burnt(void)
{
	int ends[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (!pid) {
		burn(BURN_NS);
		_exit(write(ends[1], "x", 1) != 1 || pause());
	}
	assert_int_equal(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	close(ends[1]);
	return pid;
}

static void children_count_while_they_live_and_after(void **state)
{
	uint64_t before = cpu_ns(), living, after;
	pid_t pid = start_burnt();

	(void)state;
	living = cpu_ns();
	assert_in_range(living - before, BURN_NS / 2, 10 * BURN_NS);
	kill(pid, SIGKILL);
	assert_in_range(cpu_ns() - living, 0, BURN_NS / 2); /* not waited for */
	waitpid(pid, NULL, 0);
	after = cpu_ns();
	assert_true(after >= living);
	assert_in_range(after - before, BURN_NS / 2, 10 * BURN_NS);
}

static void children_that_nobody_saw_alive_count(void **state)
{
	uint64_t before = cpu_ns();
	pid_t pid = start_burnt();

	(void)state;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_in_range(cpu_ns() - before, BURN_NS / 2, 10 * BURN_NS);
}

static void memory_is_ours(void **state)
{
	enum { MORE = 64 << 20 };
	struct own_cost before, with, after;
	char *bytes;

	(void)state;
	own_cost_read(&before);
	assert_true(before.rss_bytes > 100000 && before.rss_bytes <= before.peak_rss_bytes + (1 << 20));
	bytes = mmap(NULL, MORE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(bytes, 1, MORE);
	own_cost_read(&with);
	munmap(bytes, MORE);
	own_cost_read(&after);
	assert_true(with.rss_bytes >= before.rss_bytes + MORE / 2);
	assert_true(after.rss_bytes <= with.rss_bytes - MORE / 2);
	assert_true(after.peak_rss_bytes >= before.rss_bytes + MORE / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(children_count_while_they_live_and_after),
		cmocka_unit_test(children_that_nobody_saw_alive_count),
		cmocka_unit_test(memory_is_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
