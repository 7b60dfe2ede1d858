/*
 * C functions that wait or touch memory, called by Python, which they call back. No call is a tail call, so all of them are on
 * the stack; built without frame pointers.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

typedef int (*callback)(int);

static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
static volatile int is_over;

/* Nothing of the caller is left to do, but it does not know. */
static int kept(int got)
{
	__asm__ volatile("" : "+r"(got));
	return got;
}

static struct timespec until(clockid_t clock, int us)
{
	struct timespec t;

	clock_gettime(clock, &t);
	t.tv_nsec += us * 1000L;
	if (t.tv_nsec >= 1000000000L) {
		t.tv_nsec -= 1000000000L;
		t.tv_sec++;
	}
	return t;
}

__attribute__((noinline)) int sleep_c(int us)
{
	struct timespec t = until(CLOCK_MONOTONIC, us);

	return kept(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL));
}

/* Another thread, that holds it for ever, makes the wait one for its time. */
__attribute__((noinline)) int lock_c(int us)
{
	struct timespec t = until(CLOCK_REALTIME, us);

	return kept(pthread_mutex_timedlock(&held, &t));
}

/* Another thread writes. */
__attribute__((noinline)) int read_c(int fd)
{
	char byte;

	return kept((int)recv(fd, &byte, 1, 0));
}

/* It is never given back. */
__attribute__((noinline)) int touch_c(int bytes)
{
	volatile char *place = malloc((size_t)bytes);

	for (int i = 0; i < bytes; i += 4096)
		place[i] = 1;
	return kept(place[0]);
}

__attribute__((noinline)) int plain_c(callback call, int n)
{
	return kept(call(n));
}

__attribute__((noinline)) int aligned_c(callback call, int n)
{
	char place[100] __attribute__((aligned(64)));
	int got;

	__asm__ volatile("" : : "r"(place) : "memory");
	got = call(n);
	__asm__ volatile("" : : "r"(place) : "memory");
	return kept(got);
}

/* A thread that Python knows nothing of. */
__attribute__((noinline)) static int pool_c(int us)
{
	return kept(sleep_c(us));
}

static void *work(void *arg)
{
	pthread_setname_np(pthread_self(), "pool");
	while (!is_over)
		pool_c(3000);
	return arg;
}

static pthread_t pool;

void start(void)
{
	pthread_mutex_lock(&held);
	pthread_create(&pool, NULL, work, NULL);
}

void stop(void)
{
	is_over = 1;
	pthread_join(pool, NULL);
}
/* SPDX-License-Identifier: MIT */
