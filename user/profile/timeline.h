/* SPDX-License-Identifier: MIT */
/*
 * The samples of a view thread by thread, each thread's in the order of time, and where they stand
 * on its line: what formats with a time axis are made from.
 */
#pragma once
#include "user/profile/view.h"

struct timeline_sample {
	uint64_t time_unix_ns, value;
	uint32_t stack;
	uint16_t cpu;
	uint8_t gil;
	uint8_t truncated : 1;
	uint8_t moment : 1; /* its value is no time: it has a position on the axis and no width */
};

/* How wide it is on the axis. */
static inline uint64_t timeline_span(const struct timeline_sample *s)
{
	return s->moment ? 0 : s->value;
}

struct timeline {
	struct timeline_sample *samples;
	size_t *ends; /* by thread: behind its last sample; those of thread t begin at ends[t - 1]
		       */
};

/* NULL when the samples cannot be read (said already). */
struct timeline *timeline__new(const struct view *v, const struct profile *p);
void timeline__free(struct timeline *t);

/* The samples of a thread; how many is `*cnt`. */
const struct timeline_sample *timeline__thread(const struct timeline *t, uint32_t thread, size_t *cnt);

/*
 * A sample stands for time that ended about when it was taken. This lays the samples of one
 * thread end to end, each exactly as long as its span: `*end_ns` is where the last one ended (0
 * before the first) and becomes the end of this one, which begins its span before. True when it
 * goes on where the last one ended; false when the thread was not seen on a CPU in between.
 */
bool timeline_lay(uint64_t *end_ns, const struct timeline_sample *s);

/* The begin of a time axis: the recording's start, or where the first sample begins if that is
 * earlier. */
uint64_t timeline__begin(const struct timeline *t, const struct profile *p);
