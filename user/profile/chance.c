/*
 * Shares: whether a sample falls into a part is a yes or no, so a share s of n samples has variance
 * s (1 - s) / n. Of two shares, Agresti and Caffo's interval is used, which adds a yes and a no to
 * each run before the variance is taken and so holds for counts of 0 and 1 as well (The American
 * Statistician 54, 2000):
 *     s' = (x + 1) / (n + 2)     error = z √( s'a (1 - s'a) / (na + 2) + s'b (1 - s'b) / (nb + 2) )
 *
 * Seconds: a count x of samples has the variance of a Poisson distribution, x; with the same
 * caution for small counts error = z √( wa² (xa + 1) + wb² (xb + 1) ), w the time a sample stands
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

#define LEVEL 0.05

struct chance_run chance_run_of(double ns, double samples, double sum_of_squares)
{
	struct chance_run run = {ns, samples};

	if (sum_of_squares > 0 && ns * ns / sum_of_squares < samples)
		run.samples = ns * ns / sum_of_squares;
	return run;
}

static double share_of(const struct chance_run *run, const struct chance_part *part)
{
	double share = run->ns > 0 ? (double)part->ns / run->ns : 0;

	return share > 1 ? 1 : share;
}

static double variance_of_share(const struct chance_run *run, const struct chance_part *part)
{
	double share = (share_of(run, part) * run->samples + 1) / (run->samples + 2);

	return share * (1 - share) / (run->samples + 2);
}

/* ns² */
static double variance_of_time(const struct chance_run *run, const struct chance_part *part)
{
	double each = run->samples > 0 ? run->ns / run->samples : 0;
	double count = each > 0 ? (double)part->ns / each : 0;

	return each * each * (count + 1);
}

static struct chance_change change_of(double from, double to, double variance)
{
	struct chance_change c = {.from = from, .to = to, .by = to - from};
	double error = sqrt(variance);

	c.error = CHANCE_Z * error;
	c.odds = error > 0 ? erfc(fabs(c.by) / error / M_SQRT2) : 1;
	return c;
}

struct chance_change chance_of_shares(const struct chance_run *a, const struct chance_part *in_a,
				      const struct chance_run *b, const struct chance_part *in_b)
{
	return change_of(share_of(a, in_a), share_of(b, in_b),
			 variance_of_share(a, in_a) + variance_of_share(b, in_b));
}

struct chance_change chance_of_seconds(const struct chance_run *a, const struct chance_part *in_a,
				       const struct chance_run *b, const struct chance_part *in_b)
{
	return change_of((double)in_a->ns / 1e9, (double)in_b->ns / 1e9,
			 (variance_of_time(a, in_a) + variance_of_time(b, in_b)) / 1e18);
}

double chance_of_share(const struct chance_run *run, const struct chance_part *part)
{
	return CHANCE_Z * sqrt(variance_of_share(run, part));
}

double chance_of_second(const struct chance_run *run, const struct chance_part *part)
{
	return CHANCE_Z * sqrt(variance_of_time(run, part)) / 1e9;
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
