/* SPDX-License-Identifier: MIT */
/* Clocks, in nanoseconds. */
#pragma once
#include <stdint.h>
#include <time.h>

static inline uint64_t clock_of(const struct timespec *t)
{
	return (uint64_t)t->tv_sec * 1000000000ull + (uint64_t)t->tv_nsec;
}

/* 0 when there is no such clock, as that of a process that is gone. */
static inline uint64_t clock_read_ns(clockid_t clock)
{
	struct timespec t;

	return clock_gettime(clock, &t) ? 0 : clock_of(&t);
}

/* Intervals are measured by this one. */
static inline uint64_t clock_now_ns(void)
{
	return clock_read_ns(CLOCK_MONOTONIC);
}

/* For people. */
static inline uint64_t clock_unix_ns(void)
{
	return clock_read_ns(CLOCK_REALTIME);
}

/* CPU time of this thread. */
static inline uint64_t clock_cpu_ns(void)
{
	return clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
}

/* Unix time of 0 of CLOCK_BOOTTIME, by which the kernel tells when processes and threads began. */
static inline uint64_t clock_boot_unix_ns(void)
{
	uint64_t boot = clock_read_ns(CLOCK_BOOTTIME);

	return clock_unix_ns() - boot;
}
