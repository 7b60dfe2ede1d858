/* SPDX-License-Identifier: MIT */
/*
 * Shares: whether a sample falls into a part is a yes or no, so a share s of n samples has variance
 * s (1 - s) / n. Of two shares, Agresti and Caffo's interval is used, which adds a yes and a no to
 * each run before the variance is taken and so holds for counts of 0 and 1 as well (The American
 * Statistician 54, 2000):
 *     s' = (x + 1) / (n + 2)     error = z √( s'a (1 - s'a) / (na + 2) + s'b (1 - s'b) / (nb + 2) )
 *
 * Amounts: a count x of samples has the variance of a Poisson distribution, x; with the same
 * caution for small counts error = z √( wa² (xa + 1) + wb² (xb + 1) ), w the value a sample stands
 * for.
 *
 * Samples that stand for unlike times v tell less than their number: n = (Σ v)² / Σ v² is what
 * counts (Kish's effective sample size). Neighbouring samples are alike, but as the intervals
 * between them are random this makes the counts of long stretches more certain, not less: the
 * errors are upper bounds of what sampling can do.
 */
#include "user/profile/chance.h"
#include "user/util/alloc.h"
#include <math.h>

#define LEVEL  0.05
#define SECOND 1e9

struct chance_run chance_run_of(double value, double samples, double sum_of_squares)
{
	struct chance_run run = {value, samples, SECOND};

	if (sum_of_squares > 0)
		run.samples = value * value / sum_of_squares;
	return run;
}

double chance_amount(const struct chance_run *run, const struct chance_part *part, bool absolute)
{
	double share = run->value > 0 ? (double)part->value / run->value : 0;

	return absolute ? (double)part->value / run->scale : share > 1 ? 1 : share;
}

static double variance_of_share(const struct chance_run *run, const struct chance_part *part)
{
	double share = (chance_amount(run, part, false) * run->samples + 1) / (run->samples + 2);

	return share * (1 - share) / (run->samples + 2);
}

static double variance(const struct chance_run *run, const struct chance_part *part, bool absolute)
{
	double each = run->samples > 0 ? run->value / run->samples / run->scale : 0;
	double count = each > 0 ? chance_amount(run, part, true) / each : 0;

	return absolute ? each * each * (count + 1) : variance_of_share(run, part);
}

struct chance_change chance_of(const struct chance_run *a, const struct chance_part *in_a, const struct chance_run *b,
			       const struct chance_part *in_b, bool absolute)
{
	double deviation = sqrt(variance(a, in_a, absolute) + variance(b, in_b, absolute));
	struct chance_change c = {.from = chance_amount(a, in_a, absolute), .to = chance_amount(b, in_b, absolute)};

	c.by = c.to - c.from;
	c.error = CHANCE_Z * deviation;
	c.odds = deviation > 0 ? erfc(fabs(c.by) / deviation / M_SQRT2) : 1;
	return c;
}

double chance_error(const struct chance_run *run, const struct chance_part *part, bool absolute)
{
	return CHANCE_Z * sqrt(variance(run, part, absolute));
}

/*
 * Half the width of the binomial's normal interval; where that tells too little, at next to nothing or next to all, what
 * samples that are all alike leave open (0.05 = (1 - s)^n).
 */
static double half_width(double share, double samples)
{
	double unseen = 1 - pow(LEVEL, 1 / samples), width = CHANCE_Z * sqrt(share * (1 - share) / samples);

	return width > unseen ? width : unseen;
}

struct chance_share chance_share_of(uint64_t part, uint64_t whole, uint64_t samples)
{
	double share = whole ? (double)part / (double)whole : 0;
	struct chance_share s = {.percent = 100 * share, .error = 100};

	if (samples)
		s.error = 100 * half_width(share < 1 ? share : 1, (double)samples);
	s.decimals = s.error >= 2 ? 0 : s.error >= 0.2 ? 1 : 2;
	return s;
}

static int smallest_first(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Benjamini and Hochberg: the largest odds p of rank i with p ≤ i / cnt × LEVEL. */
double chance_bound(const double *odds, size_t cnt)
{
	__cleanup_free double *sorted = xcalloc(cnt + 1, sizeof(*sorted));
	double bound = -1;

	for (size_t i = 0; i < cnt; i++)
		sorted[i] = odds[i];
	qsort(sorted, cnt, sizeof(*sorted), smallest_first);
	for (size_t i = 0; i < cnt; i++)
		if (sorted[i] <= LEVEL * (double)(i + 1) / (double)cnt)
			bound = sorted[i];
	return bound;
}
