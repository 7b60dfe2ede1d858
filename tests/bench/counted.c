/*
 * What a program that is no target loses at each switch between threads and at each page fault: it does nothing else.
 *
 *     counted switch    passes a byte to a child and back, both on one CPU
 *     counted faults    touches new memory
 *
 * Prints `ready`, and at SIGTERM what counted.py prints.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define EVERY_NS    5000000
#define AT_ONCE     64
#define FAULT_BYTES (4u << 20)
#define ROWS        1000000 /* for more than an hour */

static int64_t rows[ROWS][3];
static size_t row_cnt;
static volatile sig_atomic_t ended;
static clockid_t child_clock;
static int to_child[2], to_parent[2];

static void end(int number)
{
	(void)number;
	ended = 1;
}

static int64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static int64_t play(void)
{
	char byte = 0;

	for (int i = 0; i < AT_ONCE; i++)
		if (write(to_child[1], &byte, 1) != 1 || read(to_parent[0], &byte, 1) != 1)
			return 0;
	return 2 * AT_ONCE;
}

static int64_t touch(void)
{
	char *p = mmap(NULL, FAULT_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long page = sysconf(_SC_PAGESIZE);

	if (p == MAP_FAILED)
		return 0;
	madvise(p, FAULT_BYTES, MADV_NOHUGEPAGE);
	for (long at = 0; at < FAULT_BYTES; at += page)
		p[at] = 1;
	munmap(p, FAULT_BYTES);
	return FAULT_BYTES / page;
}

static void echo(void)
{
	char byte;

	signal(SIGTERM, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (read(to_child[0], &byte, 1) == 1 && write(to_parent[1], &byte, 1) == 1)
		;
	_exit(0);
}

static int start_child(void)
{
	pid_t pid;

	if (pipe(to_child) || pipe(to_parent))
		return -1;
	pid = fork();
	if (!pid)
		echo();
	close(to_child[0]);
	close(to_parent[1]); /* the child's end is ours */
	return pid < 0 ? -1 : clock_getcpuclockid(pid, &child_clock);
}

static void count(int64_t (*fn)(void))
{
	int64_t cnt = 0, due = 0;

	while (!ended && row_cnt < ROWS) {
		int64_t done = fn(), now;

		if (!done)
			return;
		cnt += done;
		now = clock_ns(CLOCK_MONOTONIC);
		if (now < due)
			continue;
		due = now + EVERY_NS;
		rows[row_cnt][0] = now;
		rows[row_cnt][1] = clock_ns(CLOCK_PROCESS_CPUTIME_ID) + (child_clock ? clock_ns(child_clock) : 0);
		rows[row_cnt++][2] = cnt;
	}
}

int main(int argc, char **argv)
{
	int64_t (*fn)(void) = argc == 2 && !strcmp(argv[1], "switch") ? play : touch;

	signal(SIGTERM, end);
	signal(SIGPIPE, SIG_IGN);
	if (fn == play && start_child())
		return 1;
	puts("ready");
	fflush(stdout);
	count(fn);
	for (size_t i = 0; i < row_cnt; i++)
		printf("%lld %lld %lld\n", (long long)rows[i][0], (long long)rows[i][1], (long long)rows[i][2]);
	return 0;
}
/* SPDX-License-Identifier: MIT */
