/* What sleeps, and a thread that Python knows nothing of; beside nested.c: tests/live/workloads/paused.py. */
#include <pthread.h>
#include <unistd.h>

#define APART __attribute__((noipa, used, visibility("default")))

APART int pause_c(int n)
{
	int got = pause();

	__asm__ volatile("" : "+r"(got)); /* no tail call */
	return got + n;
}

APART int deeper_c(int depth)
{
	int got = depth ? deeper_c(depth - 1) : pause_c(depth);

	__asm__ volatile("" : "+r"(got));
	return got + 1;
}

APART void *worker_c(void *arg)
{
	deeper_c(5);
	return arg;
}

APART void start_c(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, worker_c, NULL);
	pthread_setname_np(thread, "worker");
}
/* SPDX-License-Identifier: MIT */
