/* SPDX-License-Identifier: MIT */
/*
 * A profile as it grows, or one that was read, with sums of its buckets since the start and over the last seconds.
 * They change with top_model__settle alone, so that a paused view keeps all of its numbers. Of very many threads those that
 * ended long ago are folded into one.
 */
#pragma once
#include "user/profile/view.h"
#include "user/profile/why.h"

/* The last seconds are sums that fade: a value counts half after 0.35 spans. */
struct top_sums {
	uint64_t value, gil_value, no_gil_value; /* since the start or the last reset */
	double recent, recent_gil;               /* weighted by age */
};

static inline void top_sums_add(struct top_sums *to, const struct top_sums *more)
{
	to->value += more->value;
	to->gil_value += more->gil_value;
	to->recent += more->recent;
	to->recent_gil += more->recent_gil;
	to->no_gil_value += more->no_gil_value;
}

/* There was never a GIL that it could have held. */
static inline bool top_sums_no_gil(const struct top_sums *s)
{
	return s->no_gil_value && s->no_gil_value == s->value;
}

/* The line above the table. */
struct top_header {
	double rate; /* values per time: of times 1.0 is one all of the time, of others it is per second */
	double gil;  /* the part of one CPU's time, or of all values, that held the GIL */
	bool no_gil; /* there was none that anything could have held */
	uint32_t processes, threads; /* that had samples within the span */
	uint64_t samples, lost, failed;
	double walked;       /* samples of all ticks that should have become one; 1.0 when there were none */
	uint64_t elapsed_ns; /* that the sums of the rows are of */
	uint64_t value;      /* the sum of the rows */
};

struct top_model;

/* Unix ns. `span_ns` 0: nothing fades, see __next_interval. Samples count that `v` takes; it must outlive the model. */
struct top_model *top_model__new(const struct view *v, uint64_t start_ns, uint64_t span_ns);
/* Of a profile, which must outlive the model. "The last seconds" are all of it. */
struct top_model *top_model__of_profile(const struct view *v, const struct profile *p);
void top_model__free(struct top_model *m);
/* All of the stream is passed on to `next`, if there is one. */
struct profile_sink top_model__sink(struct top_model *m);
void top_model__pass_on(struct top_model *m, struct profile_sink next);

/* Names: tables that are valid until the next call of the sink. */
const struct profile *top_model__profile(const struct top_model *m);
/* The type of all values. */
const struct profile_value_type *top_model__type(const struct top_model *m);

/* Takes all that came since the last time, as of `now_ns`. */
void top_model__settle(struct top_model *m, uint64_t now_ns);
/* The sums of each bucket that has any. */
typedef void (*top_bucket_fn)(void *ctx, const struct profile_bucket *b, const struct top_sums *sums);
void top_model__each(const struct top_model *m, top_bucket_fn fn, void *ctx);
const struct top_header *top_model__header(const struct top_model *m);
/* A weighted sum per time as of the last settle, as in struct top_header. */
double top_model__rate(const struct top_model *m, double recent);

/* A weighted sum as a percentage of the time, which is of one CPU, or (`of_all`, or when values are no times) of all. */
double top_model__percent(const struct top_model *m, double recent, bool of_all);

/* Percentages may be off by chance by so many points, in 95 of 100 cases; and the number of samples that they come from. */
double top_model__error(const struct top_model *m, bool of_all, uint64_t *samples);

/* How many buckets there are, and from how many on those of threads that have ended are folded into thread 0's. */
size_t top_model__bucket_cnt(const struct top_model *m);
void top_model__set_bucket_limit(struct top_model *m, size_t limit);

/* After the view's type was changed: a file is counted anew, all else from here on. */
void top_model__retype(struct top_model *m, uint64_t now_ns);
/* Where the time of the last seconds went; false, and nothing to free, unless waiting was recorded too. */
bool top_model__why(const struct top_model *m, struct why *out);

/* All counts from zero; names stay. */
void top_model__reset(struct top_model *m, uint64_t now_ns);
/* Recent is only what comes after the last settling. */
void top_model__next_interval(struct top_model *m);
