/* SPDX-License-Identifier: MIT */
/*
 * The sums of `top`: rates that are right from the first second on, fade as they should and survive any time; exact
 * since the start; of each type.
 */
#include "tests/unit/whole.h"
#include "tests/unit/mixed_profile.h"
#include "tests/unit/waiting_profile.h"
#include "user/cmd/top/top_model.h"
#include <math.h>

#define SECOND         1000000000ull
#define START          (1700000000ull * SECOND)
#define SPAN           (5 * SECOND)
#define near(a, b, by) assert_true(fabs((a) - (b)) <= (by))

static const struct view plain;

/* One process, three threads, two stacks. */
static struct top_model *new_model(uint64_t span_ns)
{
	struct top_model *m = top_model__new(&plain, START, span_ns);
	struct profile_sink to = top_model__sink(m);

	emit_process(to, 1, 42, "python3 app.py");
	emit_process(to, 2, 43, "python3 other.py");
	emit_thread(to, 1, 1, "MainThread");
	emit_thread(to, 2, 1, "worker");
	emit_thread(to, 3, 2, "MainThread");
	emit_function(to, 1, "main", "app.py");
	emit_function(to, 2, "work", "app.py");
	tell_frame(to, 1, 1, 11);
	tell_frame(to, 2, 2, 22);
	tell_stack(to, 1, 0, 1);
	tell_stack(to, 2, 1, 2);
	return m;
}

static void tell(struct top_model *m, uint64_t at_ns, uint32_t thread, bool gil)
{
	struct profile_sample s = {.time_unix_ns = at_ns, .value = 10000000, .thread = thread, .stack = 2};
	struct profile_sink to = top_model__sink(m);

	s.gil = gil ? PROFILE_GIL_HELD : PROFILE_GIL_NOT_HELD;
	to.ops->sample(to.ctx, &s);
}

/* 100 samples a second, of which `percent` are taken, evenly. */
static void run(struct top_model *m, uint64_t from_ns, uint64_t seconds, unsigned percent)
{
	unsigned sum = 0;

	for (uint64_t i = 0; i < seconds * 100; i++) {
		sum += percent;
		if (sum < 100)
			continue;
		sum -= 100;
		tell(m, from_ns + (i + 1) * 10000000, 1, sum % 2 == 0);
	}
}

static void test_a_steady_rate_is_right_from_the_start(void **state)
{
	struct top_model *m = new_model(SPAN);

	(void)state;
	for (uint64_t second = 0; second < 60; second++) {
		run(m, START + second * SECOND, 1, 50);
		top_model__settle(m, START + (second + 1) * SECOND);
		near(top_model__header(m)->rate, 0.5, 0.01);
	}
	assert_int_equal(top_model__header(m)->value, 30 * SECOND);
	assert_int_equal(top_model__header(m)->samples, 3000);
	assert_int_equal(top_model__header(m)->elapsed_ns, 60 * SECOND);
	top_model__free(m);
}

static void test_what_ended_fades(void **state)
{
	struct top_model *m = new_model(SPAN);
	double full;

	(void)state;
	run(m, START, 60, 100);
	top_model__settle(m, START + 60 * SECOND);
	full = top_model__header(m)->rate;
	near(full, 1, 0.01);
	/* half of it each 0.3466 spans */
	top_model__settle(m, START + 60 * SECOND + (uint64_t)(0.34657 * (double)SPAN));
	near(top_model__header(m)->rate, full / 2, 0.005);
	top_model__settle(m, START + 90 * SECOND);
	near(top_model__header(m)->rate, 0, 0.0001);
	assert_int_equal(top_model__header(m)->value, 60 * SECOND);
	top_model__free(m);
}

static void test_days_change_nothing(void **state)
{
	struct top_model *m = new_model(SPAN);

	(void)state;
	for (uint64_t hour = 0; hour < 72; hour++) {
		top_model__settle(m, START + hour * 3600 * SECOND + 3540 * SECOND);
		run(m, START + hour * 3600 * SECOND + 3540 * SECOND, 60, 25);
		top_model__settle(m, START + (hour + 1) * 3600 * SECOND);
		near(top_model__header(m)->rate, 0.25, 0.01);
	}
	assert_int_equal(top_model__header(m)->value, 72 * 15 * SECOND);
	top_model__free(m);
}

static void test_a_pause_keeps_the_numbers(void **state)
{
	struct top_model *m = new_model(SPAN);
	struct top_header before;

	(void)state;
	run(m, START, 10, 100);
	top_model__settle(m, START + 10 * SECOND);
	before = *top_model__header(m);
	run(m, START + 10 * SECOND, 7200, 30); /* two hours in which nobody looks */
	assert_memory_equal(&before, top_model__header(m), sizeof(before));
	assert_true(top_model__rate(m, 1) > 0);
	top_model__settle(m, START + 7210 * SECOND);
	near(top_model__header(m)->rate, 0.3, 0.01);
	assert_int_equal(top_model__header(m)->value, (10 + 2160) * SECOND);
	top_model__free(m);
}

static void test_reset_counts_from_there(void **state)
{
	struct top_model *m = new_model(SPAN);

	(void)state;
	run(m, START, 10, 100);
	tell_loss(top_model__sink(m), "ring_full", 5, 0);
	top_model__settle(m, START + 10 * SECOND);
	assert_int_equal(top_model__header(m)->lost, 5);
	top_model__reset(m, START + 10 * SECOND);
	assert_int_equal(top_model__header(m)->value, 0);
	run(m, START + 10 * SECOND, 2, 20);
	top_model__settle(m, START + 12 * SECOND);
	near(top_model__header(m)->rate, 0.2, 0.01);
	assert_int_equal(top_model__header(m)->value, 2 * SECOND / 5);
	assert_int_equal(top_model__header(m)->lost, 0);
	assert_int_equal(top_model__header(m)->elapsed_ns, 2 * SECOND);
	top_model__free(m);
}

/* Without a span each interval stands for itself. */
static void test_intervals(void **state)
{
	struct top_model *m = new_model(0);

	(void)state;
	for (unsigned i = 1; i <= 5; i++) {
		run(m, START + (i - 1) * SECOND, 1, i * 20);
		top_model__settle(m, START + i * SECOND);
		near(top_model__header(m)->rate, i * 0.2, 1e-6);
		top_model__next_interval(m);
	}
	assert_int_equal(top_model__header(m)->value, 3 * SECOND);
	top_model__free(m);
}

static void test_header(void **state)
{
	struct top_model *m = new_model(SPAN);

	(void)state;
	top_model__settle(m, START);
	near(top_model__header(m)->walked, 1, 0); /* of nothing, nothing was lost */
	for (unsigned i = 0; i < 100; i++) {
		tell(m, START + i * 10000000, 1, i % 4 == 0);
		if (i < 50)
			tell(m, START + i * 10000000, 3, true);
		if (i == 49)
			top_model__settle(m, START + SECOND / 2);
	}
	tell_loss(top_model__sink(m), "ring_full", 40, 0);
	tell_loss(top_model__sink(m), "fault_frame", 10, 1);
	tell_loss(top_model__sink(m), "not_python", 1000, 0); /* no failure */
	top_model__settle(m, START + SECOND);
	assert_int_equal(top_model__header(m)->threads, 2);
	assert_int_equal(top_model__header(m)->processes, 2);
	assert_int_equal(top_model__header(m)->lost, 40);
	assert_int_equal(top_model__header(m)->failed, 10);
	near(top_model__header(m)->walked, 0.75, 1e-9);
	near(top_model__header(m)->gil, 0.75, 0.1);
	/* the second process was last seen more than a span ago */
	top_model__settle(m, START + SECOND / 2 + SPAN + SECOND / 10);
	assert_int_equal(top_model__header(m)->threads, 1);
	assert_int_equal(top_model__header(m)->processes, 1);
	top_model__free(m);
}

static void test_dangling_ids_are_losses(void **state)
{
	struct top_model *m = new_model(SPAN);
	struct profile_sink to = top_model__sink(m);

	(void)state;
	for (uint32_t bad = 0; bad < 4; bad++) {
		struct profile_sample s = {.time_unix_ns = START + 1, .value = 1};

		s.thread = bad == 0 ? 0 : bad == 1 ? 4 : 1;
		s.stack = bad == 2 ? 0 : bad == 3 ? 3 : 1;
		to.ops->sample(to.ctx, &s);
	}
	top_model__settle(m, START + SECOND);
	assert_int_equal(top_model__header(m)->lost, 4);
	assert_int_equal(top_model__header(m)->samples, 0);
	top_model__free(m);
}

struct folded {
	uint64_t value, of_ended;
	double recent;
};

static void add_folded(void *ctx, const struct profile_bucket *b, const struct top_sums *sums)
{
	struct folded *f = ctx;

	f->value += sums->value;
	f->recent += sums->recent;
	if (!b->thread)
		f->of_ended += sums->value;
}

/* A server that starts a thread for each request: its buckets are those of its stacks, not of its threads. */
static void test_threads_that_ended_are_folded(void **state)
{
	struct top_model *m = new_model(SPAN);
	const uint32_t threads = 10000;
	struct folded sum = {0};
	size_t most = 0;

	(void)state;
	top_model__set_bucket_limit(m, 1000);
	for (uint32_t i = 0; i < threads; i++) {
		uint64_t now = START + i * SECOND / 2;

		emit_thread(top_model__sink(m), 4 + i, 1, "request");
		tell(m, now, 4 + i, true);
		if (i % 8)
			continue;
		top_model__settle(m, now);
		if (top_model__bucket_cnt(m) > most)
			most = top_model__bucket_cnt(m);
	}
	assert_true(most <= 1008);
	top_model__settle(m, START + threads * SECOND / 2);
	top_model__each(m, add_folded, &sum);
	assert_int_equal(sum.value, threads * 10000000ull);
	assert_int_equal(sum.value, top_model__header(m)->value);
	assert_int_equal(top_model__header(m)->samples, threads);
	assert_int_equal(top_model__header(m)->lost, 0);
	assert_true(sum.of_ended > 0 && sum.of_ended < sum.value);
	near(top_model__rate(m, sum.recent), 0.02, 0.004);
	top_model__free(m);
}

struct sum {
	uint64_t value;
	double recent;
};

static void add_up(void *ctx, const struct profile_bucket *b, const struct top_sums *all)
{
	struct sum *s = ctx;

	(void)b;
	s->value += all->value;
	s->recent += all->recent;
}

static void test_of_what_held_the_gil(void **state)
{
	struct profile *p = small_profile();
	const struct view v = {.gil_only = true};
	struct top_model *m = top_model__of_profile(&v, p);
	struct sum sum = {0};
	uint64_t value = 0, samples = 0;

	(void)state;
	for (size_t i = 0; i < p->bucket_cnt; i++) {
		value += p->buckets[i].gil_value;
		samples += p->buckets[i].gil_samples;
	}
	top_model__settle(m, p->meta.start_unix_ns + p->meta.duration_ns);
	top_model__each(m, add_up, &sum);
	assert_true(samples > 0 && samples < p->sample_cnt);
	assert_int_equal(sum.value, value);
	assert_int_equal(top_model__header(m)->samples, samples);
	near(top_model__header(m)->gil, top_model__header(m)->rate, 1e-9);
	top_model__free(m);
	profile__free(p);
}

static void test_of_a_profile(void **state)
{
	struct profile *p = small_profile();
	struct top_model *m = top_model__of_profile(&plain, p);
	struct sum sum = {0};

	(void)state;
	top_model__settle(m, p->meta.start_unix_ns + p->meta.duration_ns);
	top_model__each(m, add_up, &sum);
	assert_int_equal(sum.value, whole_value(p));
	assert_int_equal(top_model__header(m)->samples, 40);
	assert_int_equal(top_model__header(m)->lost, 15);
	assert_int_equal(top_model__header(m)->failed, 2);
	assert_int_equal(top_model__header(m)->processes, 2);
	assert_int_equal(top_model__header(m)->threads, 3);
	near(top_model__header(m)->rate, (double)whole_value(p) / 5e9, 1e-9);
	near(top_model__percent(m, sum.recent, true), 100, 1e-9);
	top_model__free(m);
	profile__free(p);
}

/* Times are shares of time; of others the rate is per second and percentages are of all. */
static void test_of_each_type(void **state)
{
	struct profile *p = mixed_profile();

	(void)state;
	for (uint8_t type = 0; type < MIXED_TYPES; type++) {
		const struct view v = {.type = type};
		struct top_model *m = top_model__of_profile(&v, p);
		double value = (double)mixed_sum(type, false).value, seconds = (double)p->meta.duration_ns / 1e9;
		struct sum sum = {0};

		top_model__settle(m, p->meta.start_unix_ns + p->meta.duration_ns);
		top_model__each(m, add_up, &sum);
		assert_int_equal(sum.value, mixed_sum(type, false).value);
		assert_int_equal(top_model__header(m)->samples, mixed_sum(type, false).samples);
		assert_int_equal(top_model__header(m)->lost, type == MIXED_ALLOC ? 3 : 0);
		assert_string_equal(top_model__type(m)->name, mixed_types[type].name);
		near(top_model__header(m)->rate, type == MIXED_CPU ? value / 1e9 / seconds : value / seconds, 1e-6);
		near(top_model__percent(m, sum.recent, false), type == MIXED_CPU ? value / 1e7 / seconds : 100, 1e-6);
		top_model__free(m);
	}
	profile__free(p);
}

static uint64_t sum_now(struct top_model *m)
{
	struct sum sum = {0};

	top_model__each(m, add_up, &sum);
	return sum.value;
}

static void test_the_type_can_be_another_one(void **state)
{
	struct profile *p = waiting_profile(WAITING_ROWS);
	uint64_t end = p->meta.start_unix_ns + p->meta.duration_ns;
	struct view v = {.no_idle = true};
	struct top_model *m = top_model__of_profile(&v, p);
	struct why w;

	(void)state;
	top_model__settle(m, end);
	assert_int_equal(sum_now(m), 460 * (SECOND / 1000));
	v.type = WAITING_OFF;
	top_model__retype(m, end);
	assert_int_equal(sum_now(m), 300 * (SECOND / 1000));
	v.type_name = "wall";
	assert_true(view__choose_type(&v, p));
	top_model__retype(m, end);
	assert_int_equal(sum_now(m), SECOND);
	assert_true(top_model__why(m, &w));
	near((double)w.all, SECOND, 100); /* sums by bucket are cut */
	assert_int_equal(w.percents[WHY_GIL], 24);
	why_free(&w);
	top_model__free(m);
	profile__free(p);
}

/* Live it is counted from then on: what came before was counted as another type. */
static void test_another_type_of_what_grows_begins_anew(void **state)
{
	struct view v = {0};
	struct top_model *m = top_model__new(&v, START, 0);
	struct profile_sink to = top_model__sink(m);
	struct profile_sample more = {.time_unix_ns = START + 7 * SECOND, .thread = 1, .stack = 1};

	(void)state;
	tell_waiting(to, WAITING_ROWS);
	top_model__settle(m, START + 6 * SECOND);
	assert_int_equal(sum_now(m), 460 * (SECOND / 1000));
	v.type = WAITING_GIL;
	top_model__retype(m, START + 6 * SECOND);
	assert_int_equal(sum_now(m), 0);
	assert_int_equal(top_model__header(m)->samples, 0);
	more.value = 5;
	more.type = WAITING_GIL;
	to.ops->sample(to.ctx, &more);
	more.type = WAITING_CPU;
	to.ops->sample(to.ctx, &more);
	top_model__settle(m, START + 8 * SECOND);
	assert_int_equal(sum_now(m), 5);
	assert_int_equal(top_model__header(m)->samples, 1);
	top_model__free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_steady_rate_is_right_from_the_start),
		cmocka_unit_test(test_what_ended_fades),
		cmocka_unit_test(test_days_change_nothing),
		cmocka_unit_test(test_a_pause_keeps_the_numbers),
		cmocka_unit_test(test_reset_counts_from_there),
		cmocka_unit_test(test_intervals),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_dangling_ids_are_losses),
		cmocka_unit_test(test_threads_that_ended_are_folded),
		cmocka_unit_test(test_of_a_profile),
		cmocka_unit_test(test_of_what_held_the_gil),
		cmocka_unit_test(test_of_each_type),
		cmocka_unit_test(test_the_type_can_be_another_one),
		cmocka_unit_test(test_another_type_of_what_grows_begins_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
