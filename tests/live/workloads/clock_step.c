/* SPDX-License-Identifier: MIT */
/* To be preloaded: a wall clock that is off by so many seconds as the file CLOCK_STEP holds, now. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *step(void)
{
	static volatile int64_t *seconds;

	if (!seconds) {
		int fd = open(getenv("CLOCK_STEP"), O_RDONLY | O_CLOEXEC);

		seconds = mmap(NULL, sizeof(*seconds), PROT_READ, MAP_SHARED, fd, 0);
		close(fd);
	}
	return seconds;
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
	int err = (int)syscall(SYS_clock_gettime, clock, t);

	if (!err && clock == CLOCK_REALTIME)
		t->tv_sec += *step();
	return err;
}
