/* SPDX-License-Identifier: MIT */
/* The builder: what it adds up, what it refuses, and that nothing it refused can be reached. */
#include "tests/unit/whole.h"
#include "tests/unit/small_profile.h"
#include "user/profile/loss_words.h"
#include "user/util/alloc.h"
#include <math.h>

static struct profile_builder *b;
static struct profile_sink to;

static int begin(void **state)
{
	(void)state;
	b = profile_builder__new(true);
	to = profile_builder__sink(b);
	return 0;
}

static uint64_t loss_count(const struct profile *p, const char *reason)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < p->loss_cnt; i++)
		if (!strcmp(p->losses[i].reason, reason))
			sum += p->losses[i].count;
	return sum;
}

static int count_one(void *arg, const struct profile_sample *s)
{
	(void)s;
	++*(uint64_t *)arg;
	return 0;
}

static void small_adds_up(void **state)
{
	uint64_t each = 0, in_buckets = 0, truncated = 0, gil = 0;
	struct profile *p;

	(void)state;
	tell_small(to);
	p = profile_builder__finish(b);
	assert_int_equal(p->process_cnt, 2);
	assert_int_equal(p->thread_cnt, 3);
	assert_int_equal(p->function_cnt, 4);
	assert_int_equal(p->frame_cnt, 5);
	assert_int_equal(p->stack_cnt, 6);
	assert_int_equal(p->sample_cnt, 40);
	for (size_t i = 0; i < p->bucket_cnt; i++) {
		in_buckets += p->buckets[i].samples;
		truncated += p->buckets[i].truncated;
		gil += p->buckets[i].gil_samples;
	}
	assert_int_equal(in_buckets, 40);
	assert_int_equal(truncated, 6); /* 0, 7, …, 35 */
	assert_int_equal(p->truncated_cnt, 6);
	assert_int_equal(gil, 10); /* 1, 5, …, 37 */
	assert_int_equal(profile__each_sample(p, count_one, &each), 0);
	assert_int_equal(each, 40);
	assert_int_equal(p->meta.complete, true);
	assert_int_equal(p->meta.duration_ns, 5000000000u);
	assert_int_equal(profile__max_depth(p), 3);
	assert_int_equal(profile__first_frame(p, 2), 2);
	profile__free(p);
}

static void texts_are_clean_and_shared(void **state)
{
	struct profile *p;

	(void)state;
	tell_small(to);
	p = profile_builder__finish(b);
	assert_ptr_equal(p->functions[3].name, p->processes[2].command);
	assert_ptr_equal(p->functions[1].module, p->functions[2].module);
	assert_string_equal(p->functions[3].name, "</script><svg onload=…>;\\x1b[31m");
	assert_string_equal(p->functions[0].name, "");
	assert_string_equal(p->threads[0].name, "");
	profile__free(p);
}

static void null_texts_are_empty(void **state)
{
	struct profile *p;

	(void)state;
	to.ops->meta(to.ctx, &(struct profile_meta){.rate_hz = NAN, .effective_rate_hz = -1});
	to.ops->process(to.ctx, &(struct profile_process){.id = 1});
	p = profile_builder__finish(b);
	assert_string_equal(p->meta.target, "");
	assert_true(p->meta.rate_hz == 0 && p->meta.effective_rate_hz == 0);
	assert_string_equal(p->processes[1].cgroup, "");
	profile__free(p);
}

static void later_word_on_threads_and_processes_wins(void **state)
{
	struct profile *p;

	(void)state;
	emit_process(to, 1, 42, "sh");
	emit_thread(to, 1, 1, "python3");
	emit_process(to, 1, 42, "python3 x.py");
	emit_thread(to, 1, 1, "Worker-1");
	p = profile_builder__finish(b);
	assert_int_equal(p->process_cnt, 1);
	assert_string_equal(p->processes[1].command, "python3 x.py");
	assert_string_equal(p->threads[1].name, "Worker-1");
	assert_int_equal(p->loss_cnt, 0);
	profile__free(p);
}

/* Each of these is one item that must be refused, and nothing else. */
static void dangling_and_sparse_ids_are_damage(void **state)
{
	struct profile *p;

	(void)state;
	tell_small(to);
	emit_process(to, 0, 1, "zero");
	emit_process(to, 4, 1, "not the next");
	emit_thread(to, 4, 9, "no such process");
	emit_thread(to, 4, 0, "of nobody");
	emit_thread(to, UINT32_MAX, 1, "far");
	emit_function(to, 4, "told twice", "x.py");
	emit_function(to, 6, "not the next", "x.py");
	tell_frame(to, 6, 5, 1);
	tell_frame(to, 6, 0, 1);
	tell_stack(to, 7, 7, 1);
	tell_stack(to, 7, UINT32_MAX, 1);
	tell_stack(to, 7, 1, 6);
	tell_stack(to, 7, 1, 0);
	tell_stack(to, 3, 0, 1);
	p = profile_builder__finish(b);
	assert_int_equal(loss_count(p, "damaged"), 14);
	assert_int_equal(p->process_cnt, 2);
	assert_int_equal(p->thread_cnt, 3);
	assert_int_equal(p->function_cnt, 4);
	assert_int_equal(p->frame_cnt, 5);
	assert_int_equal(p->stack_cnt, 6);
	assert_int_equal(p->stacks[3].parent, 1);
	profile__free(p);
}

static void samples_of_nothing_are_damage(void **state)
{
	uint64_t each = 0;
	struct profile *p;

	(void)state;
	tell_small(to);
	for (int i = 0; i < 3; i++) {
		emit_sample(to, 50, 4, 1);
		emit_sample(to, 50, 1, 7);
		emit_sample(to, 50, 0, 1);
		emit_sample(to, 50, 1, 0);
		emit_sample(to, 50, UINT32_MAX, UINT32_MAX);
	}
	p = profile_builder__finish(b);
	assert_int_equal(p->sample_cnt, 40);
	assert_int_equal(loss_count(p, "damaged"), 15);
	assert_int_equal(loss_total(p), 17 + 15);
	profile__each_sample(p, count_one, &each);
	assert_int_equal(each, 40);
	profile__free(p);
}

static void too_deep_is_damage(void **state)
{
	uint32_t frames[PROFILE_MAX_DEPTH];
	struct profile *p;

	(void)state;
	emit_function(to, 1, "f", "f.py");
	for (uint32_t i = 1; i <= PROFILE_MAX_DEPTH; i++)
		tell_frame(to, i, 1, (int32_t)i);
	for (uint32_t i = 1; i <= PROFILE_MAX_DEPTH + 5; i++)
		tell_stack(to, i, i - 1, i <= PROFILE_MAX_DEPTH ? i : 1);
	p = profile_builder__finish(b);
	assert_int_equal(p->stack_cnt, PROFILE_MAX_DEPTH);
	assert_int_equal(loss_count(p, "damaged"), 5);
	assert_int_equal(profile__max_depth(p), PROFILE_MAX_DEPTH);
	assert_int_equal(profile__stack_frames(p, p->stack_cnt, frames, PROFILE_MAX_DEPTH), PROFILE_MAX_DEPTH);
	assert_int_equal(frames[0], 1);
	assert_int_equal(frames[PROFILE_MAX_DEPTH - 1], PROFILE_MAX_DEPTH);
	assert_int_equal(profile__stack_frames(p, p->stack_cnt, frames, 3), 3);
	assert_int_equal(frames[0], PROFILE_MAX_DEPTH - 2);
	assert_int_equal(frames[2], PROFILE_MAX_DEPTH);
	profile__free(p);
}

static void losses_merge_and_read_well(void **state)
{
	__cleanup_free char *text = NULL, *none = NULL, *bad = NULL;
	struct profile *p;

	(void)state;
	tell_small(to);
	p = profile_builder__finish(b);
	assert_int_equal(p->loss_cnt, 3);
	assert_int_equal(loss_count(p, "ring_full"), 15);
	assert_int_equal(loss_total(p), 17);
	assert_int_equal(p->losses[0].to_unix_ns, p->losses[0].from_unix_ns + 10);
	text = loss_text(p);
	assert_string_equal(text, "15 lost, 2 failed (15 ring full, 2 fault frame), 6 truncated");
	profile__free(p);

	begin(NULL);
	tell_meta(to, true);
	p = profile_builder__finish(b);
	none = loss_text(p);
	assert_string_equal(none, "no samples lost or failed");
	profile__free(p);

	begin(NULL);
	tell_loss(to, "a\x1b[31m", 1, 77);
	p = profile_builder__finish(b);
	assert_int_equal(p->losses[0].process, 0);
	bad = loss_text(p);
	assert_string_equal(bad, "1 lost, 0 failed (1 a\\x1b[31m), recording incomplete");
	profile__free(p);
}

static void many_reasons_stay_one_line(void **state)
{
	__cleanup_free char *text = NULL;
	struct profile *p;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		char reason[16];

		snprintf(reason, sizeof(reason), "r%05d", i);
		tell_loss(to, reason, 1, 0);
	}
	p = profile_builder__finish(b);
	text = loss_text(p);
	assert_non_null(strstr(text, "20,000 lost, 0 failed (1 r00000, 1 r00001"));
	assert_non_null(strstr(text, ", and 19992 more reasons"));
	assert_in_range(strlen(text), 50, 200);
	profile__free(p);
}

static void killed_recorder_gets_a_duration(void **state)
{
	struct profile *p;

	(void)state;
	tell_meta(to, false);
	emit_process(to, 1, 1, "x");
	emit_thread(to, 1, 1, "x");
	emit_sample(to, 300, 1, 1);
	emit_sample(to, 200, 1, 1);
	p = profile_builder__finish(b);
	assert_int_equal(p->meta.duration_ns, 3000000000u);
	profile__free(p);
}

static int stop_at_third(void *arg, const struct profile_sample *s)
{
	(void)s;
	return ++*(int *)arg == 3 ? -77 : 0;
}

static void each_sample_stops(void **state)
{
	int seen = 0;
	struct profile *p;

	(void)state;
	tell_small(to);
	p = profile_builder__finish(b);
	assert_int_equal(profile__each_sample(p, stop_at_third, &seen), -77);
	assert_int_equal(seen, 3);
	profile__free(p);
}

/* Random samples against sums kept the plain way. */
static void buckets_match_a_plain_table(void **state)
{
	enum { THREADS = 7, STACKS = 50 };
	static uint64_t samples[THREADS + 1][STACKS + 1], held[THREADS + 1][STACKS + 1];
	struct profile *p;
	unsigned seed = 12345;

	(void)state;
	emit_process(to, 1, 1, "x");
	emit_function(to, 1, "f", "f.py");
	tell_frame(to, 1, 1, 1);
	for (uint32_t i = 1; i <= THREADS; i++)
		emit_thread(to, i, 1, "t");
	for (uint32_t i = 1; i <= STACKS; i++)
		tell_stack(to, i, i / 2, 1);
	for (uint32_t i = 0; i < 20000; i++) {
		uint32_t t = 1 + (uint32_t)rand_r(&seed) % THREADS;
		uint32_t s = 1 + (uint32_t)rand_r(&seed) % STACKS;

		emit_sample(to, i, t, s);
		samples[t][s]++;
		held[t][s] += i % 4 == PROFILE_GIL_HELD;
	}
	p = profile_builder__finish(b);
	assert_int_equal(p->bucket_cnt, THREADS * STACKS);
	for (size_t i = 0; i < p->bucket_cnt; i++) {
		const struct profile_bucket *k = &p->buckets[i];

		assert_int_equal(k->samples, samples[k->thread][k->stack]);
		assert_int_equal(k->gil_samples, held[k->thread][k->stack]);
		samples[k->thread][k->stack] = 0;
	}
	profile__free(p);
}

static void a_million_samples(void **state)
{
	enum { SAMPLES = 1000000, STACKS = 20000, THREADS = 64 };
	struct profile_sample *s = xcalloc(SAMPLES, sizeof(*s));
	double start, took, before;
	struct profile *p;

	(void)state;
	profile__free(profile_builder__finish(b));
	b = profile_builder__new(false);
	to = profile_builder__sink(b);
	emit_process(to, 1, 1, "x");
	emit_function(to, 1, "f", "f.py");
	tell_frame(to, 1, 1, 1);
	for (uint32_t i = 1; i <= THREADS; i++)
		emit_thread(to, i, 1, "t");
	for (uint32_t i = 1; i <= STACKS; i++)
		tell_stack(to, i, i > 100 ? i - 100 : 0, 1);
	for (uint32_t i = 0; i < SAMPLES; i++) {
		s[i].thread = 1 + i % THREADS;
		s[i].stack = 1 + (i * 2654435761u >> 8) % STACKS;
		s[i].value = 1;
	}
	before = rss_mb();
	start = seconds_now();
	for (uint32_t i = 0; i < SAMPLES; i++)
		to.ops->sample(to.ctx, &s[i]);
	took = seconds_now() - start;
	print_message("%d samples, %d threads, %d stacks: %.1f million/s, %.1f MB more\n", SAMPLES, THREADS, STACKS,
		      SAMPLES / took / 1e6, rss_mb() - before);
	start = seconds_now();
	for (uint32_t i = 0; i < SAMPLES; i++) {
		s[i].stack = 1 + i % 100;
		s[i].thread = 1 + i % 4;
		to.ops->sample(to.ctx, &s[i]);
	}
	took = seconds_now() - start;
	print_message("%d samples, 100 stacks: %.1f million/s\n", SAMPLES, SAMPLES / took / 1e6);
	p = profile_builder__finish(b);
	assert_int_equal(p->sample_cnt, 2 * SAMPLES);
	assert_int_equal(whole_value(p), 2 * SAMPLES);
	profile__free(p);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(small_adds_up, begin),
		cmocka_unit_test_setup(texts_are_clean_and_shared, begin),
		cmocka_unit_test_setup(null_texts_are_empty, begin),
		cmocka_unit_test_setup(later_word_on_threads_and_processes_wins, begin),
		cmocka_unit_test_setup(dangling_and_sparse_ids_are_damage, begin),
		cmocka_unit_test_setup(samples_of_nothing_are_damage, begin),
		cmocka_unit_test_setup(too_deep_is_damage, begin),
		cmocka_unit_test_setup(losses_merge_and_read_well, begin),
		cmocka_unit_test_setup(many_reasons_stay_one_line, begin),
		cmocka_unit_test_setup(killed_recorder_gets_a_duration, begin),
		cmocka_unit_test_setup(each_sample_stops, begin),
		cmocka_unit_test_setup(buckets_match_a_plain_table, begin),
		cmocka_unit_test_setup(a_million_samples, begin),
	};

	profile__free(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
