/*
 * What `top` counts: CPU time by (thread, stack), since the start and over the last seconds. A sink for a
 * running session, or filled from a profile that was read. Its size is that of the distinct stacks,
 * whatever the time it runs: threads that ended long ago are folded into one.
 *
 * New time waits in the buckets until top_model__settle, so that a paused view keeps all of its numbers.
 */
#pragma once
#include "user/profile/profile.h"

/* The last seconds are sums that fade: what a nanosecond counts halves every 0.35 windows. */
struct top_sums {
	uint64_t ns, gil_ns;	   /* since the start or the last reset */
	double recent, recent_gil; /* ns, weighted by age; only top_model__rate knows the scale */
};

static inline void top_sums_add(struct top_sums *to, const struct top_sums *more)
{
	to->ns += more->ns;
	to->gil_ns += more->gil_ns;
	to->recent += more->recent;
	to->recent_gil += more->recent_gil;
}

struct top_bucket {
	uint32_t thread, stack; /* thread 0: of threads that ended */
	struct top_sums sums, waiting;
	bool listed; /* among those with something waiting */
};

/* The line above the table. */
struct top_header {
	double cpus_busy, gil; /* 1.0 is one CPU */
	uint32_t processes, threads; /* that used CPU time within the window */
	uint64_t samples, lost;
	double walked; /* samples of all ticks that should have become one; 1.0 when there were none */
	uint64_t elapsed_ns; /* that the seconds of the rows are of */
	uint64_t ns;	     /* CPU time in them */
};

struct top_model;

/* Times are those of the samples, Unix ns. `window_ns` 0: nothing fades, see __next_interval. */
struct top_model *top_model__new(uint64_t start_ns, uint64_t window_ns);
/*
 * Everything of a profile, or what held the GIL; it must outlive the model. "The last seconds" are all of
 * it.
 */
struct top_model *top_model__of_profile(const struct profile *p, bool gil_only);
void top_model__free(struct top_model *m);
struct profile_sink top_model__sink(struct top_model *m);

/* Names: tables that are valid until the next call of the sink. */
const struct profile *top_model__profile(const struct top_model *m);

/*
 * Takes what waits into the buckets, as of `now_ns`. For each bucket that changed `fn` is told by how
 * much; true: the scale or the buckets changed and all is to be added up anew by top_model__each.
 */
typedef void (*top_bucket_fn)(void *ctx, const struct top_bucket *b, const struct top_sums *more);
bool top_model__settle(struct top_model *m, uint64_t now_ns, top_bucket_fn fn, void *ctx);
void top_model__each(const struct top_model *m, top_bucket_fn fn, void *ctx);
const struct top_header *top_model__header(const struct top_model *m);
/* A weighted sum as CPU time per time, as of the last settle: 1.0 is one CPU. */
double top_model__rate(const struct top_model *m, double recent);

/* The same as a percentage of one CPU, or of all that is counted. */
double top_model__percent(const struct top_model *m, double recent, bool of_all);

/* All counts from zero; names stay. */
void top_model__reset(struct top_model *m, uint64_t now_ns);
/* What counts as recent begins here. */
void top_model__next_interval(struct top_model *m, uint64_t now_ns);

/* For tests: how many buckets there are, and how many are too many. */
size_t top_model__bucket_cnt(const struct top_model *m);
void top_model__set_bucket_limit(struct top_model *m, size_t limit);
