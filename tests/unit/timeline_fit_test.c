/* SPDX-License-Identifier: MIT */
/* What is made to fit keeps each stack's sum in each thread, and to within a slice its time. */
#include "tests/unit/small_profile.h"
#include "user/profile/timeline_fit.h"

#define SAMPLES 6000 /* of each of two threads */
#define STACKS  7
#define WINDOW  4000000000ull

static struct profile *busy(void)
{
	struct profile_builder *b = profile_builder__new(true);
	struct profile_sink to = profile_builder__sink(b);
	uint64_t seed = 42;

	tell_meta(to, false);
	emit_process(to, 1, 42, "a");
	for (uint32_t i = 1; i <= 3; i++) /* the second has no samples */
		emit_thread(to, i, 1, "t");
	emit_function(to, 1, "f", "/a.py");
	for (uint32_t i = 1; i <= STACKS; i++) {
		tell_frame(to, i, 1, (int32_t)i);
		tell_stack(to, i, i - 1, i);
	}
	for (uint64_t i = 0; i < SAMPLES; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		/* asleep for a while now and then */
		emit_sample(to, i + i / 1000 * 300, 1, 1 + (uint32_t)(seed >> 33) % STACKS);
		emit_sample(to, i, 3, 1 + (uint32_t)(seed >> 43) % STACKS);
	}
	return profile_builder__finish(b);
}

static uint64_t one(void *ctx, const struct timeline_sample *s, const struct timeline_sample *before)
{
	(void)ctx;
	assert_true(!before || before == s - 1);
	return 1;
}

static uint64_t by_stack(void *ctx, const struct timeline_sample *s)
{
	(void)ctx;
	return s->stack;
}

static uint64_t sum(const struct timeline *t, uint32_t thread, uint32_t stack)
{
	uint64_t value = 0;
	size_t cnt;
	const struct timeline_sample *s = timeline__thread(t, thread, &cnt);

	for (size_t i = 0; i < cnt; i++)
		value += s[i].stack == stack ? s[i].value : 0;
	return value;
}

/* CPU time of a thread until then. */
static uint64_t until(const struct timeline *t, uint32_t thread, uint64_t time_ns)
{
	uint64_t value = 0;
	size_t cnt;
	const struct timeline_sample *s = timeline__thread(t, thread, &cnt);

	for (size_t i = 0; i < cnt && s[i].time_unix_ns <= time_ns; i++)
		value += s[i].value;
	return value;
}

static void assert_same_sums(const struct timeline *a, const struct timeline *b)
{
	for (uint32_t thread = 1; thread <= 3; thread++)
		for (uint32_t stack = 1; stack <= STACKS; stack++)
			assert_int_equal(sum(a, thread, stack), sum(b, thread, stack));
}

static void assert_same_times(const struct timeline *a, const struct timeline *b, uint64_t within_ns)
{
	uint64_t begin = a->samples[0].time_unix_ns;

	for (uint32_t thread = 1; thread <= 3; thread += 2)
		for (uint64_t i = 0; i < 30; i++)
			assert_in_range(until(b, thread, begin + i * WINDOW) + within_ns,
					until(a, thread, begin + i * WINDOW),
					until(a, thread, begin + i * WINDOW) + 2 * within_ns);
}

static void assert_in_order(const struct timeline *t, uint32_t thread)
{
	size_t cnt;
	const struct timeline_sample *s = timeline__thread(t, thread, &cnt);

	for (size_t i = 1; i < cnt; i++)
		assert_true(s[i].time_unix_ns >= s[i - 1].time_unix_ns + s[i].value);
}

static void fits_in_the_end(void **state)
{
	struct profile *p = busy();
	struct timeline *plain = timeline__new(&(struct view){0}, p);

	(void)state;
	for (uint64_t max = 2 * SAMPLES - 1; max >= 4 * STACKS; max /= 2) {
		struct timeline *t = timeline__new(&(struct view){0}, p);
		uint64_t slice = timeline__fit(t, p, &(struct timeline_limit){max, one, by_stack, NULL});

		assert_true(slice >= 40000000);
		assert_true(t->ends[3] <= max);
		assert_true(t->ends[3] * 17 >
			    max); /* no longer slices than needed: each next one is four times as long */
		assert_same_sums(plain, t);
		assert_same_times(plain, t, slice + 40000000);
		assert_in_order(t, 1);
		assert_in_order(t, 3);
		timeline__free(t);
	}
	timeline__free(plain);
	profile__free(p);
}

static void what_fits_stays(void **state)
{
	struct profile *p = busy();
	struct timeline *t = timeline__new(&(struct view){0}, p);

	(void)state;
	assert_int_equal(timeline__fit(t, p, &(struct timeline_limit){2 * SAMPLES, one, by_stack, NULL}), 0);
	assert_int_equal(t->ends[3], 2 * SAMPLES);
	timeline__free(t);
	profile__free(p);
}

/* A limit that nothing can keep: each stack once in each thread. */
static void cannot_fit(void **state)
{
	struct profile *p = busy();
	struct timeline *plain = timeline__new(&(struct view){0}, p), *t = timeline__new(&(struct view){0}, p);

	(void)state;
	assert_true(timeline__fit(t, p, &(struct timeline_limit){0, one, by_stack, NULL}) > 0);
	assert_int_equal(t->ends[3], 2 * STACKS);
	assert_same_sums(plain, t);
	timeline__free(plain);
	timeline__free(t);
	profile__free(p);
}

static void no_samples(void **state)
{
	struct profile_builder *b = profile_builder__new(true);
	struct profile *p;
	struct timeline *t;

	(void)state;
	tell_meta(profile_builder__sink(b), false);
	p = profile_builder__finish(b);
	t = timeline__new(&(struct view){0}, p);
	assert_int_equal(timeline__fit(t, p, &(struct timeline_limit){0, one, by_stack, NULL}), 0);
	timeline__free(t);
	profile__free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fits_in_the_end),
		cmocka_unit_test(what_fits_stays),
		cmocka_unit_test(cannot_fit),
		cmocka_unit_test(no_samples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
