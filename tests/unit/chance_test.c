/* SPDX-License-Identifier: MIT */
/* Errors of chance against what chance does: drawn samples, with a fixed seed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "user/profile/chance.h"
#include "user/util/alloc.h"
#include <math.h>

#define EACH_NS 10000000

static double uniform(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (double)(*seed >> 11) / 9007199254740992.0;
}

/* How many of `n` samples fall into a part that has this share. */
static uint64_t draw(uint64_t *seed, unsigned n, double share)
{
	uint64_t hits = 0;

	for (unsigned i = 0; i < n; i++)
		hits += uniform(seed) < share;
	return hits;
}

static struct chance_run run_of(unsigned n)
{
	return chance_run_of((double)n * EACH_NS, n, (double)n * EACH_NS * EACH_NS);
}

static struct chance_part part_of(uint64_t hits)
{
	return (struct chance_part){hits * EACH_NS, hits};
}

static void assert_share(uint64_t part, uint64_t whole, uint64_t samples, const char *expected)
{
	struct chance_share s = chance_share_of(part, whole, samples);
	__cleanup_free char *text = xasprintf("%.*f ± %.*f", s.decimals, s.percent, s.decimals, s.error);

	assert_string_equal(text, expected);
}

static void a_share_is_as_exact_as_its_samples(void **state)
{
	(void)state;
	assert_share(42, 100, 12, "42 ± 28");
	assert_share(423, 1000, 10000, "42.3 ± 1.0");
	assert_share(4231, 10000, 1000000, "42.31 ± 0.10");
	assert_share(0, 100, 12, "0 ± 22"); /* what was never seen may still be there */
	assert_share(100, 100, 12, "100 ± 22");
	assert_share(1, 1, 1, "100 ± 95");
	assert_share(0, 0, 0, "0 ± 100");
	assert_share(150, 100, 12, "150 ± 22"); /* of others' files only */
}

/* Of 4,000 recordings the part whose share is further from the true one than it says, in %. */
static double too_far(unsigned n, double share)
{
	uint64_t seed = 11;
	unsigned far = 0, runs = 4000;

	for (unsigned i = 0; i < runs; i++) {
		struct chance_share s = chance_share_of(draw(&seed, n, share), n, n);

		far += fabs(s.percent - 100 * share) > s.error;
	}
	return 100.0 * far / runs;
}

static void one_share_in_twenty_is_further_off(void **state)
{
	(void)state;
	assert_true(too_far(10000, 0.42) < 6 && too_far(10000, 0.42) > 4);
	assert_true(too_far(500, 0.2) < 7);
	assert_true(too_far(12, 0.42) < 9);
	assert_true(too_far(100, 0.01) < 7);
}

/* Of 4,000 pairs of equal runs, the part whose change exceeds its error, in %. */
static double false_alarms(bool seconds, unsigned n_a, unsigned n_b, double share)
{
	struct chance_run a = run_of(n_a), b = run_of(n_b);
	uint64_t seed = 7;
	unsigned alarms = 0, pairs = 4000;

	for (unsigned i = 0; i < pairs; i++) {
		struct chance_part in_a = part_of(draw(&seed, n_a, share));
		struct chance_part in_b = part_of(draw(&seed, n_b, share));
		struct chance_change c = chance_of(&a, &in_a, &b, &in_b, seconds);

		alarms += fabs(c.by) > c.error;
		assert_int_equal(fabs(c.by) > c.error, c.odds < 0.05);
	}
	return 100.0 * alarms / pairs;
}

static void one_in_twenty_exceeds_its_error(void **state)
{
	(void)state;
	assert_in_range((uintmax_t)(10 * false_alarms(false, 400, 400, 0.3)), 35, 65);
	assert_in_range((uintmax_t)(10 * false_alarms(false, 200, 600, 0.5)), 35, 65);
	assert_in_range((uintmax_t)(10 * false_alarms(true, 400, 400, 0.1)), 20, 65);
	/* rare ones never more often */
	assert_true(false_alarms(false, 300, 300, 0.004) < 5);
	assert_true(false_alarms(true, 300, 300, 0.004) < 5);
}

static void real_changes_are_seen(void **state)
{
	struct chance_run a = run_of(1000), b = run_of(2000);
	struct chance_part in_a = part_of(100), in_b = part_of(300);
	struct chance_change c = chance_of(&a, &in_a, &b, &in_b, false);

	(void)state;
	assert_float_equal(c.from, 0.1, 1e-9);
	assert_float_equal(c.to, 0.15, 1e-9);
	assert_float_equal(c.by, 0.05, 1e-9);
	assert_true(c.error > 0.02 && c.error < 0.03 && c.odds < 0.001);
	c = chance_of(&a, &in_a, &b, &in_b, true);
	assert_float_equal(c.from, 1, 1e-9);
	assert_float_equal(c.to, 3, 1e-9);
	assert_true(c.error > 0.3 && c.error < 0.5);
}

static void little_is_not_certain(void **state)
{
	struct chance_run a = run_of(100), b = run_of(100), none = run_of(0);
	struct chance_part nothing = part_of(0), few = part_of(3), more = part_of(9);

	(void)state;
	assert_true(chance_of(&a, &nothing, &b, &few, false).odds > 0.05);
	assert_true(chance_of(&a, &nothing, &b, &more, false).odds < 0.05);
	assert_true(chance_of(&a, &nothing, &b, &nothing, false).odds == 1);
	assert_true(chance_of(&none, &nothing, &none, &nothing, false).odds == 1);
	assert_true(chance_of(&none, &nothing, &none, &nothing, true).odds == 1);
	assert_true(chance_error(&a, &more, false) > 0.04 && chance_error(&a, &more, false) < 0.08);
	assert_true(chance_error(&a, &more, true) > 0.05 && chance_error(&a, &more, true) < 0.08);
}

static void unlike_samples_count_for_less(void **state)
{
	/* 100 of 10 ms and 100 of 30 ms: (Σ v)² / Σ v² = 160 */
	struct chance_run run = chance_run_of(4e9, 200, 100 * 1e14 + 100 * 9e14);

	(void)state;
	assert_float_equal(run.samples, 160, 1e-6);
	assert_float_equal(chance_run_of(4e9, 200, 0).samples, 200, 1e-9);
}

/* Without any true change, a list of many has a finding in one of twenty cases at most. */
static void many_lists_of_nothing_have_few_findings(void **state)
{
	enum { LISTS = 400, ROWS = 60 };
	double odds[ROWS], bound;
	uint64_t seed = 11;
	unsigned lists = 0;

	(void)state;
	for (unsigned l = 0; l < LISTS; l++) {
		for (unsigned i = 0; i < ROWS; i++)
			odds[i] = uniform(&seed);
		lists += chance_bound(odds, ROWS) >= 0;
	}
	assert_in_range(lists, LISTS / 100, LISTS / 12);
	odds[5] = 1e-9;
	odds[9] = 1e-7;
	bound = chance_bound(odds, ROWS);
	assert_true(bound >= 1e-7 && bound < 0.05);
	assert_true(chance_bound(NULL, 0) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_share_is_as_exact_as_its_samples),
		cmocka_unit_test(one_share_in_twenty_is_further_off),
		cmocka_unit_test(one_in_twenty_exceeds_its_error),
		cmocka_unit_test(real_changes_are_seen),
		cmocka_unit_test(little_is_not_certain),
		cmocka_unit_test(unlike_samples_count_for_less),
		cmocka_unit_test(many_lists_of_nothing_have_few_findings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
