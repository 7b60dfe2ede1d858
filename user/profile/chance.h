/* SPDX-License-Identifier: MIT */
/*
 * How far a difference of two recordings may be chance. Samples are drawn at random moments, so
 * what a function had is known only as well as its number of samples allows. This is the least
 * there is: no single pair of runs shows what differs from run to run besides (load, caches, other input).
 *
 * Shares and changes are of values, as in every output. Only their errors go by numbers of samples: chance draws
 * samples, and one that stands for much is still one.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHANCE_Z 1.959964 /* 95 % of a normal distribution lie within so many standard errors */

/* One recording as a whole. */
struct chance_run {
	double value;   /* of all its samples */
	double samples; /* as many as would count if all stood for the same time */
	double scale;   /* values per second or other unit of absolute amounts; of nanoseconds unless set */
};

/* A part of a recording, such as the values of a function. */
struct chance_part {
	uint64_t value, samples;
};

struct chance_change {
	double from, to; /* shares of the runs, 0..1; or absolute amounts */
	double by;       /* to - from */
	double error;    /* the change is within ± this in 95 of 100 cases when there is none */
	double odds;     /* of a change as large as this by chance alone: 0..1 */
};

/* The sum of squares corrects for samples that stand for unlike times. */
struct chance_run chance_run_of(double value, double samples, double sum_of_squares);
/* A part's share of its run or, if `absolute`, its value by the run's scale: seconds, MiB. */
double chance_amount(const struct chance_run *run, const struct chance_part *part, bool absolute);
/* The error of that alone, at 95 %. */
double chance_error(const struct chance_run *run, const struct chance_part *part, bool absolute);
/*
 * A share as exact as the number of samples allows: it is, in 95 of 100 cases, within ± `error`. Both in percent, to be written
 * with that many decimals: "42 % ± 28" of 12 samples, "42.3 % ± 1.0" of 10,000.
 */
struct chance_share {
	double percent, error;
	int decimals;
};
struct chance_share chance_share_of(uint64_t part, uint64_t whole, uint64_t samples);
/* Between parts of two runs. */
struct chance_change chance_of(const struct chance_run *a, const struct chance_part *in_a, const struct chance_run *b,
			       const struct chance_part *in_b, bool absolute);

/*
 * Of many changes looked at together some are large by chance. The largest odds that still count as
 * a finding, so that of 20 lists without any true change 19 have no finding; negative: none does.
 */
double chance_bound(const double *odds, size_t cnt);
