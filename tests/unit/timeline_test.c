/* SPDX-License-Identifier: MIT */
/* The timeline: every sample of a view once, by thread, in the order of time, laid without a gap of
 * its own. */
#include "tests/unit/small_profile.h"
#include "user/profile/timeline.h"
#include <errno.h>

static struct profile *two_threads(void)
{
	struct profile_builder *b = profile_builder__new(true);
	struct profile_sink to = profile_builder__sink(b);
	/* time, thread: out of order, and the second thread's only sample in between */
	static const uint64_t at[][2] = {{30, 1}, {10, 1}, {20, 3}, {11, 1}, {300, 1}};

	tell_meta(to, false);
	emit_process(to, 1, 42, "a");
	for (uint32_t i = 1; i <= 3; i++)
		emit_thread(to, i, 1, "t");
	emit_function(to, 1, "f", "/a.py");
	tell_frame(to, 1, 1, 1);
	tell_stack(to, 1, 0, 1);
	for (size_t i = 0; i < 5; i++)
		emit_sample(to, at[i][0], (uint32_t)at[i][1], 1);
	return profile_builder__finish(b);
}

static void test_by_thread_in_order(void **state)
{
	struct profile *p = two_threads();
	struct timeline *t = timeline__new(&(struct view){0}, p);
	static const uint64_t wanted[] = {10, 11, 30, 300};
	const struct timeline_sample *s;
	size_t cnt;

	(void)state;
	s = timeline__thread(t, 1, &cnt);
	assert_int_equal(cnt, 4);
	for (size_t i = 0; i < cnt; i++)
		assert_int_equal(s[i].time_unix_ns, 1700000000000000000u + wanted[i] * 10000000u);
	timeline__thread(t, 2, &cnt);
	assert_int_equal(cnt, 0);
	s = timeline__thread(t, 3, &cnt);
	assert_int_equal(cnt, 1);
	assert_int_equal(s[0].value, 1000000 + 20 % 3);
	timeline__thread(t, 0, &cnt);
	assert_int_equal(cnt, 0);
	timeline__free(t);
	profile__free(p);
}

/* What a view leaves out is in no thread; what it keeps adds up to what its buckets say. */
static void test_view(void **state)
{
	struct profile *p = small_profile();
	const struct view views[] = {{0}, {.gil_only = true}};

	(void)state;
	for (size_t v = 0; v < 2; v++) {
		struct timeline *t = timeline__new(&views[v], p);
		uint64_t samples = 0, value = 0, all = 0, all_value = 0;

		for (uint32_t i = 1; i <= p->thread_cnt; i++) {
			size_t cnt;
			const struct timeline_sample *s = timeline__thread(t, i, &cnt);

			samples += cnt;
			for (size_t k = 0; k < cnt; k++) {
				value += s[k].value;
				assert_true(!v || s[k].gil == PROFILE_GIL_HELD);
			}
		}
		for (size_t i = 0; i < p->bucket_cnt; i++) {
			all += view__samples(&views[v], &p->buckets[i]);
			all_value += view__value(&views[v], &p->buckets[i]);
		}
		assert_int_equal(samples, all);
		assert_int_equal(value, all_value);
		assert_int_equal(v ? 0 : 40, v ? 0 : samples);
		timeline__free(t);
	}
	profile__free(p);
}

/* A source that gives more when it is read than when it was counted. */
static int twice(void *ctx, profile_sample_fn fn, void *arg)
{
	const struct profile_sample s = {.time_unix_ns = 5, .value = 1, .thread = 1, .stack = 1};

	(void)ctx;
	for (int i = 0; i < 100; i++)
		if (fn(arg, &s))
			return 1;
	return 0;
}

static int none(void *ctx, profile_sample_fn fn, void *arg)
{
	(void)ctx;
	(void)fn;
	(void)arg;
	return 0;
}

static int broken(void *ctx, profile_sample_fn fn, void *arg)
{
	(void)ctx;
	(void)fn;
	(void)arg;
	return -EIO;
}

static void test_a_file_that_changed(void **state)
{
	struct profile *p = two_threads();
	struct profile_samples before = p->samples;
	struct timeline *t;
	size_t cnt;

	(void)state;
	p->samples = (struct profile_samples){.each = twice};
	t = timeline__new(&(struct view){0}, p);
	timeline__thread(t, 1, &cnt);
	assert_int_equal(cnt, 4);
	timeline__thread(t, 3, &cnt);
	assert_int_equal(cnt, 0);
	timeline__free(t);
	p->samples.each = none;
	t = timeline__new(&(struct view){0}, p);
	timeline__thread(t, 1, &cnt);
	assert_int_equal(cnt, 0);
	timeline__free(t);
	p->samples.each = broken;
	assert_null(timeline__new(&(struct view){0}, p));
	p->samples = before;
	profile__free(p);
}

static void test_lay(void **state)
{
	uint64_t end = 0;
	struct timeline_sample s = {.time_unix_ns = 1000, .value = 100};

	(void)state;
	assert_false(timeline_lay(&end, &s)); /* 900–1000 */
	assert_int_equal(end, 1000);
	s.time_unix_ns = 1120; /* a little late: goes on, and is as long as its value */
	assert_true(timeline_lay(&end, &s));
	assert_int_equal(end, 1100);
	s.time_unix_ns = 1150; /* another clock: pushed back */
	assert_true(timeline_lay(&end, &s));
	assert_int_equal(end, 1200);
	s.time_unix_ns = 1351; /* not seen for more than half a value */
	assert_false(timeline_lay(&end, &s));
	assert_int_equal(end, 1351);
	s = (struct timeline_sample){.time_unix_ns = 5, .value = 100};
	end = 0;
	assert_false(timeline_lay(&end, &s)); /* never before the beginning of time */
	assert_int_equal(end, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_thread_in_order),
		cmocka_unit_test(test_view),
		cmocka_unit_test(test_a_file_that_changed),
		cmocka_unit_test(test_lay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
