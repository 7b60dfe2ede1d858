/*
 * The loop of target.py in C, so many frames of C code deep: what a stack with native frames costs to look at. Built as
 * libraries are, without frame pointers.
 */
#include <execinfo.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#define EVERY_NS 5000000
#define COLUMNS  5
#define DEEPEST  512

struct totals {
	int64_t *rows, row_cnt, row_cap;
	int64_t gap_ns;
};

static volatile sig_atomic_t ended;

static void end(int number)
{
	(void)number;
	ended = 1;
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

/* A row as target.py's. */
static __attribute__((noinline)) int64_t spin(struct totals *t)
{
	int64_t taken = 0, gaps = 0, loops = 0, skipped = 0, last = now_ns(), due = last + EVERY_NS;

	while (!ended && t->row_cnt < t->row_cap) {
		int64_t now = now_ns(), passed = now - last;

		loops++;
		if (passed > t->gap_ns) {
			taken += passed;
			gaps++;
		}
		last = now;
		if (now <= due)
			continue;
		memcpy(t->rows + t->row_cnt++ * COLUMNS, (int64_t[]){now, taken, gaps, loops, skipped},
		       COLUMNS * sizeof(int64_t));
		due = now + EVERY_NS;
		last = now_ns();
		skipped += last - now;
	}
	return t->row_cnt;
}

static __attribute__((noinline)) int64_t descend(struct totals *t, int more)
{
	int64_t got = more > 0 ? descend(t, more - 1) : spin(t);

	__asm__ volatile("" : "+r"(got)); /* else the call is a jump */
	return got;
}

/* Native frames of the thread, the caller's included. */
static int frames_here(void)
{
	void *at[DEEPEST];

	return backtrace(at, DEEPEST) - 1;
}

/*
 * Spins until SIGTERM, with that many native frames on the stack (more where the caller has so many without). The number of
 * rows written.
 */
int64_t spin_native(int frames, int64_t *rows, int64_t row_cap, int64_t gap_ns)
{
	struct totals t = {.rows = rows, .row_cap = row_cap, .gap_ns = gap_ns};

	signal(SIGTERM, end);
	return descend(&t, frames - frames_here() - 3);
}
/* SPDX-License-Identifier: MIT */
