/* SPDX-License-Identifier: MIT */
/* speedscope's files, read back: indices within their tables, weights that add up, one profile a
 * thread. */
#include "tests/unit/make_profile.h"
#include "tests/unit/json_tree.h"
#include "tests/unit/views.h"

static const char *text_at(const struct json_tree *in, const char *key)
{
	return json_tree__at(in, key, JSON_STRING)->text;
}

/* Its weight; `frame_cnt` is how long shared.frames is. */
static uint64_t check_profile(const struct json_tree *profile, size_t frame_cnt)
{
	const struct json_tree *samples = json_tree__at(profile, "samples", JSON_LIST);
	const struct json_tree *weights = json_tree__at(profile, "weights", JSON_LIST);
	uint64_t sum = 0;

	assert_string_equal(text_at(profile, "type"), "sampled");
	assert_string_equal(text_at(profile, "unit"), "nanoseconds");
	assert_true(*text_at(profile, "name"));
	assert_int_equal(samples->cnt, weights->cnt);
	for (size_t i = 0; i < samples->cnt; i++) {
		const struct json_tree *stack = &samples->items[i];

		assert_true(stack->kind == JSON_LIST && stack->cnt > 0);
		for (size_t k = 0; k < stack->cnt; k++)
			assert_true(json_tree__count(&stack->items[k]) < frame_cnt);
		sum += json_tree__count(&weights->items[i]);
	}
	assert_int_equal(json_tree__count(json_tree__at(profile, "startValue", JSON_NUMBER)), 0);
	assert_int_equal(json_tree__count(json_tree__at(profile, "endValue", JSON_NUMBER)), sum);
	return sum;
}

static size_t busy_threads(const struct profile *p, const struct view *v)
{
	size_t cnt = 0;

	for (uint32_t t = 1; t <= p->thread_cnt; t++) {
		bool busy = false;

		for (size_t i = 0; i < p->bucket_cnt; i++)
			busy |= p->buckets[i].thread == t && view__samples(v, &p->buckets[i]);
		cnt += busy;
	}
	return cnt;
}

static void check(const struct profile *p, const struct view *v)
{
	struct buf out = written(&format_speedscope, p, v);
	uint64_t want = sum_of(p, v).value, threads = 0;
	size_t busy = busy_threads(p, v), all = busy != 1 || v->threads;
	struct json_tree root = json_tree_of(out.data, out.len);
	const struct json_tree *profiles = json_tree__at(&root, "profiles", JSON_LIST);
	const struct json_tree *shared = json_tree__at(&root, "shared", JSON_MAP);
	size_t frame_cnt = json_tree__at(shared, "frames", JSON_LIST)->cnt;

	assert_non_null(strstr(text_at(&root, "name"), "lost"));
	assert_int_equal(profiles->cnt, busy + all);
	for (size_t i = 0; i < profiles->cnt; i++) {
		uint64_t weight = check_profile(&profiles->items[i], frame_cnt);

		if (i < all)
			assert_int_equal(weight, want);
		else
			threads += weight;
	}
	assert_int_equal(threads, want);
	json_tree__free(&root);
	buf_free(&out);
}

static void check_views(struct profile *p)
{
	for (size_t i = 0; i < TEST_VIEWS; i++)
		check(p, &test_views[i]);
	profile__free(p);
}

static void small_adds_up(void **state)
{
	(void)state;
	check_views(small_profile());
}

static void service_adds_up(void **state)
{
	const struct make_options o = {.processes = 3, .threads = 2, .stacks = 100, .depth = 60, .losses = true};

	(void)state;
	check_views(make_profile(&o));
}

static void nothing_is_a_file(void **state)
{
	(void)state;
	check_views(empty_profile());
}

/* Neighbours with one stack are one entry; the same stack later on is another. */
static void neighbours_are_one(void **state)
{
	struct profile_builder *b = profile_builder__new(true);
	struct profile_sink to = profile_builder__sink(b);
	struct profile *p;
	struct buf out;

	(void)state;
	tell_meta(to, true);
	emit_process(to, 1, 42, "app");
	emit_thread(to, 1, 1, "MainThread");
	emit_function(to, 1, "f", "/x/a.py");
	emit_function(to, 2, "g", "/x/a.py");
	tell_frame(to, 1, 1, 5);
	tell_frame(to, 2, 2, 0);
	tell_stack(to, 1, 0, 1);
	tell_stack(to, 2, 1, 2);
	emit_sample(to, 6, 1, 2); /* late: the others are of before */
	for (uint32_t i = 0; i < 6; i++)
		emit_sample(to, i, 1, i < 3 || i == 5 ? 1 : 2);
	p = profile_builder__finish(b);
	out = written(&format_speedscope, p, &test_views[0]);
	buf_put(&out, "", 1);
	assert_non_null(strstr(out.data, "\"samples\":[\n[0],\n[0,1],\n[0],\n[0,1]]"));
	assert_non_null(strstr(out.data, "{\"name\":\"f (a.py:5)\",\"file\":\"a.py\",\"line\":5}"));
	assert_non_null(strstr(out.data, "{\"name\":\"g (a.py)\",\"file\":\"a.py\"}"));
	assert_non_null(strstr(out.data, "process 42:\\\"app\\\" thread (1001): MainThread"));
	buf_free(&out);
	profile__free(p);
}

/* Two stacks by turns, so deep that their samples are more than a page can hold. */
static void too_much_is_added_up(void **state)
{
	struct profile_builder *b = profile_builder__new(true);
	struct profile_sink to = profile_builder__sink(b);
	struct profile *p;
	struct buf out;

	(void)state;
	tell_meta(to, true);
	emit_process(to, 1, 42, "app");
	emit_thread(to, 1, 1, "MainThread");
	emit_function(to, 1, "f", "/x/a.py");
	for (uint32_t i = 1; i <= 1001; i++) {
		tell_frame(to, i, 1, (int32_t)i);
		tell_stack(to, i, i - 1, i);
	}
	for (uint32_t i = 0; i < 6000; i++)
		emit_sample(to, i, 1, 1000 + i % 2);
	p = profile_builder__finish(b);
	out = written(&format_speedscope, p, &test_views[0]);
	assert_in_range(out.len, 4 << 20, 17 << 20);
	buf_put(&out, "", 1);
	assert_non_null(strstr(out.data, "equal stacks added up within 40 ms\""));
	buf_free(&out);
	check(p, &test_views[0]);
	profile__free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_adds_up),        cmocka_unit_test(service_adds_up),
		cmocka_unit_test(nothing_is_a_file),    cmocka_unit_test(neighbours_are_one),
		cmocka_unit_test(too_much_is_added_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
