/* SPDX-License-Identifier: MIT */
/* Thresholds: what may be written, and what crosses them. */
#include "tests/unit/whole.h"
#include "tests/unit/make_runs.h"
#include "user/profile/diff_limit.h"
#include "user/util/alloc.h"
#include <errno.h>
#include <math.h>

static const struct view plain;

static struct make_run even(uint64_t seed)
{
	struct make_run r = {.seed = seed, .samples = 3000};

	for (unsigned i = 0; i < RUN_FUNCTIONS; i++)
		r.weights[i] = 10;
	return r;
}

/* work_5 with three times its weight, work_6 without any, work_7 a trifle more. */
static struct diff *changed(struct profile **a, struct profile **b, bool absolute)
{
	const struct diff_options o = {.view = &plain, .absolute = absolute};
	struct make_run one = even(1), other = even(2);

	other.weights[5] = 30;
	other.weights[6] = 0;
	other.weights[7] = 11;
	*a = make_run(&one);
	*b = make_run(&other);
	return diff__new(&o, *a, *b);
}

static void what_may_be_written(void **state)
{
	static const struct {
		const char *text, *selector;
		struct diff_limit want;
	} cases[] = {
		{"own(parse) > +10%", "parse", {.amount = 10, .is_change = true}},
		{" total ( Engine.step )>=-2.5pp ",
		 "Engine.step",
		 {.unit = LIMIT_POINTS, .amount = -2.5, .is_change = true, .total = true, .or_equal = true}},
		{"own(file:app/db.py)<1.5s",
		 "app/db.py",
		 {.what = LIMIT_FILE, .unit = LIMIT_SECONDS, .amount = 1.5, .below = true}},
		{"own(module:app.db) <= 300 ms",
		 "app.db",
		 {.what = LIMIT_MODULE, .unit = LIMIT_SECONDS, .amount = 0.3, .below = true, .or_equal = true}},
		{"total(line:core.py:42) > 5%",
		 "core.py",
		 {.what = LIMIT_LINE, .line = 42, .amount = 5, .total = true}},
		{"own(*) > +25%", "*", {.what = LIMIT_EACH, .amount = 25, .is_change = true}},
		{"own(/^(load|save)$/) > 1%", "/^(load|save)$/", {.amount = 1}},
		{"own(function:file:odd) > 1%", "file:odd", {.amount = 1}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct diff_limit *want = &cases[i].want;
		struct diff_limit l;
		char *why = NULL;

		assert_int_equal(diff_limit__parse(&l, cases[i].text, &why), 0);
		assert_string_equal(l.selector, cases[i].selector);
		assert_string_equal(l.text, cases[i].text);
		assert_int_equal(l.what, want->what);
		assert_int_equal(l.unit, want->unit);
		assert_int_equal(l.line, want->line);
		assert_float_equal(l.amount, want->amount, 1e-12);
		assert_true(l.total == want->total && l.below == want->below && l.or_equal == want->or_equal &&
			    l.is_change == want->is_change);
		diff_limit__free(&l);
	}
}

static void what_may_not(void **state)
{
	static const struct {
		const char *text, *word;
	} cases[] = {
		{"", "begins with own"},
		{"parse > 10%", "begins with own"},
		{"mine(parse) > 10%", "begins with own"},
		{"own(parse > 10%", "not closed"},
		{"own)parse( > 10%", "begins with own"},
		{"own() > 10%", "brackets"},
		{"own(file:) > 10%", "brackets"},
		{"own(line:core.py) > 10%", "line:FILE:NUMBER"},
		{"own(line:core.py:x) > 10%", "line:FILE:NUMBER"},
		{"own(line:core.py:99999999999) > 10%", "line:FILE:NUMBER"},
		{"own(parse) 10%", ">, >=, < or <="},
		{"own(parse) =~ 10%", ">, >=, < or <="},
		{"own(parse) >", "no number"},
		{"own(parse) > much", "no number"},
		{"own(parse) > inf%", "no number"},
		{"own(parse) > 10", "followed by"},
		{"own(parse) > 10 percent", "followed by"},
		{"own(parse) > 2pp", "+ or -"},
		{"own(parse) > +10% or more", "followed by"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct diff_limit l;
		char *why = NULL;

		assert_int_equal(diff_limit__parse(&l, cases[i].text, &why), -EINVAL);
		if (!why || !strstr(why, cases[i].word))
			fail_msg("%s: %s", cases[i].text, why ? why : "nothing said");
		free(why);
	}
}

/* The verdict of the first result; -1 for a selector that finds nothing. */
static int check(const struct diff *d, const char *text, size_t *cnt)
{
	struct limit_result *results = NULL;
	struct diff_limit l;
	char *why = NULL;
	int verdict = -1;

	assert_int_equal(diff_limit__parse(&l, text, &why), 0);
	if (!diff_limit__check(&l, d, &results, cnt, &why)) {
		verdict = results[0].verdict;
		assert_non_null(results[0].who);
		limit_results__free(results, *cnt);
	} else {
		assert_non_null(why);
		free(why);
	}
	diff_limit__free(&l);
	return verdict;
}

static void what_crosses(void **state)
{
	static const struct {
		const char *text;
		int verdict;
	} cases[] = {
		{"own(work_5) > +50%", LIMIT_CROSSED},
		{"own(work_5) > +1000%", LIMIT_KEPT},
		{"own(work_5) > +3pp", LIMIT_CROSSED},
		{"total(work_5) > +500ms", LIMIT_CROSSED},
		{"total(work_5) > 1s", LIMIT_CROSSED},
		{"total(work_5) > 100s", LIMIT_KEPT},
		{"total(work_5) < 10%", LIMIT_KEPT},
		{"total(work_6) < -50%", LIMIT_CROSSED},
		{"total(work_6) > +0%", LIMIT_KEPT},
		{"own(work_7) > +0.01%", LIMIT_CHANCE},
		{"total(main) > +1%", LIMIT_KEPT},
		{"total(main) > 90%", LIMIT_CROSSED},
		{"total(main) >= 99.9999%", LIMIT_CHANCE}, /* closer than chance knows */
		{"total(module:shop) > +1pp", LIMIT_KEPT},
		{"own(file:shop/part2.py) > +1%", LIMIT_CROSSED}, /* where work_5 … are: 3 + 5 = 8 */
		{"own(file:part2.py) > +1%", LIMIT_CROSSED},
		{"own(line:part2.py:81) > +1%", LIMIT_CROSSED},
		{"own(line:part2.py:82) > +1%", -1},
		{"own(*) > +50%", LIMIT_CROSSED},
		{"own(*) > +500%", LIMIT_KEPT},
		{"own(nobody) > +1%", -1},
		{"own(file:art2.py) > +1%", -1},
		{"own(module:sho) > +1%", -1},
		{"own(/[/) > +1%", -1},
	};
	struct profile *a, *b;
	struct diff *d = changed(&a, &b, false);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t cnt;
		int got = check(d, cases[i].text, &cnt);

		if (got != cases[i].verdict)
			fail_msg("%s: %d, not %d", cases[i].text, got, cases[i].verdict);
	}
	diff__free(d);
	profile__free(a);
	profile__free(b);
}

/* A sum over functions counts a sample once, however many of them are on its stack. */
static void what_is_found_is_taken_together(void **state)
{
	struct limit_result *results;
	struct profile *a, *b;
	struct diff *d = changed(&a, &b, true);
	struct diff_limit l;
	char *why = NULL;
	size_t cnt;

	(void)state;
	assert_int_equal(diff_limit__parse(&l, "total(/main|work|helper/) > 1s", &why), 0);
	assert_int_equal(diff_limit__check(&l, d, &results, &cnt, &why), 0);
	assert_int_equal(cnt, 1);
	assert_float_equal(results[0].to, (double)whole_value(b) / 1e9, 1e-6);
	assert_float_equal(results[0].value, (double)whole_value(b) / 1e9, 1e-6);
	limit_results__free(results, cnt);
	diff_limit__free(&l);
	/* each by itself: only the one that grew */
	assert_int_equal(check(d, "total(*) > +50%", &cnt), LIMIT_CROSSED);
	assert_int_equal(cnt, 1);
	diff__free(d);
	profile__free(a);
	profile__free(b);
}

/* The same program twice: no threshold is crossed in any of twenty pairs, though many are exceeded.
 */
static void chance_crosses_nothing(void **state)
{
	unsigned crossed = 0, chance = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		const struct diff_options o = {.view = &plain};
		struct make_run one = even(seed), other = even(500 + seed);
		struct profile *a = make_run(&one), *b = make_run(&other);
		struct diff *d = diff__new(&o, a, b);
		size_t cnt;

		crossed += check(d, "own(*) > +5%", &cnt) == LIMIT_CROSSED;
		chance += check(d, "own(work_1) > +1%", &cnt) == LIMIT_CHANCE;
		diff__free(d);
		profile__free(a);
		profile__free(b);
	}
	assert_true(crossed <= 2);
	assert_true(chance >= 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_may_be_written),    cmocka_unit_test(what_may_not),
		cmocka_unit_test(what_crosses),           cmocka_unit_test(what_is_found_is_taken_together),
		cmocka_unit_test(chance_crosses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
