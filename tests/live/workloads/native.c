/* Threads that Python knows nothing of, as a library of C++ has them. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct worker {
	pthread_t thread;
	const char *name;
	double seconds;
};

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void *work(void *arg)
{
	const struct worker *w = arg;

	pthread_setname_np(pthread_self(), w->name);
	while (cpu_seconds() < w->seconds)
		;
	return NULL;
}

struct worker *start(const char *name, double seconds)
{
	struct worker *w = malloc(sizeof(*w));

	*w = (struct worker){.name = name, .seconds = seconds};
	pthread_create(&w->thread, NULL, work, w);
	return w;
}

void join(struct worker *w)
{
	pthread_join(w->thread, NULL);
}
/* SPDX-License-Identifier: MIT */
