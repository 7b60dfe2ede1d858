/* speedscope's files, read by yajl: indices within their tables, weights that add up, one profile a
 * thread. */
#include "tests/unit/make_profile.h"
#include "tests/unit/views.h"
#include <yajl/yajl_tree.h>

/* "" when it is no text */
static const char *text_at(yajl_val in, const char *key)
{
	const char *path[] = {key, NULL};
	yajl_val found = yajl_tree_get(in, path, yajl_t_string);

	return found ? found->u.string : "";
}

static yajl_val at(yajl_val in, const char *key, yajl_type type)
{
	const char *path[] = {key, NULL};
	yajl_val found = yajl_tree_get(in, path, type);

	assert_non_null(found);
	return found;
}

/* Its weight; `frame_cnt` is how long shared.frames is. */
static uint64_t check_profile(yajl_val profile, size_t frame_cnt)
{
	yajl_val samples = at(profile, "samples", yajl_t_array);
	yajl_val weights = at(profile, "weights", yajl_t_array);
	uint64_t sum = 0;

	assert_string_equal(text_at(profile, "type"), "sampled");
	assert_string_equal(text_at(profile, "unit"), "nanoseconds");
	assert_true(*text_at(profile, "name"));
	assert_int_equal(samples->u.array.len, weights->u.array.len);
	for (size_t i = 0; i < samples->u.array.len; i++) {
		yajl_val stack = samples->u.array.values[i];

		assert_true(YAJL_IS_ARRAY(stack) && stack->u.array.len > 0);
		for (size_t k = 0; k < stack->u.array.len; k++)
			assert_true((size_t)YAJL_GET_INTEGER(stack->u.array.values[k]) < frame_cnt);
		sum += (uint64_t)YAJL_GET_INTEGER(weights->u.array.values[i]);
	}
	assert_int_equal(YAJL_GET_INTEGER(at(profile, "startValue", yajl_t_number)), 0);
	assert_int_equal(YAJL_GET_INTEGER(at(profile, "endValue", yajl_t_number)), sum);
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
	uint64_t want = sum_of(p, v).value_ns, threads = 0;
	size_t busy = busy_threads(p, v), all = busy != 1 || v->threads;
	char error[200] = "";
	yajl_val root, profiles, frames;

	buf_put(&out, "", 1);
	root = yajl_tree_parse(out.data, error, sizeof(error));
	if (!root)
		fail_msg("%s", error);
	profiles = at(root, "profiles", yajl_t_array);
	frames = at(at(root, "shared", yajl_t_object), "frames", yajl_t_array);
	assert_non_null(strstr(text_at(root, "name"), "lost"));
	assert_int_equal(profiles->u.array.len, busy + all);
	for (size_t i = 0; i < profiles->u.array.len; i++) {
		uint64_t weight = check_profile(profiles->u.array.values[i], frames->u.array.len);

		if (i < all)
			assert_int_equal(weight, want);
		else
			threads += weight;
	}
	assert_int_equal(threads, want);
	yajl_tree_free(root);
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
	const struct make_options o = {
		.processes = 3, .threads = 2, .stacks = 100, .depth = 60, .losses = true};

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
	tell_process(to, 1, 42, "app");
	tell_thread(to, 1, 1, "MainThread");
	tell_function(to, 1, "f", "/x/a.py");
	tell_function(to, 2, "g", "/x/a.py");
	tell_frame(to, 1, 1, 5);
	tell_frame(to, 2, 2, 0);
	tell_stack(to, 1, 0, 1);
	tell_stack(to, 2, 1, 2);
	tell_sample(to, 6, 1, 2); /* late: the others are of before */
	for (uint32_t i = 0; i < 6; i++)
		tell_sample(to, i, 1, i < 3 || i == 5 ? 1 : 2);
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
	tell_process(to, 1, 42, "app");
	tell_thread(to, 1, 1, "MainThread");
	tell_function(to, 1, "f", "/x/a.py");
	for (uint32_t i = 1; i <= 1001; i++) {
		tell_frame(to, i, 1, (int32_t)i);
		tell_stack(to, i, i - 1, i);
	}
	for (uint32_t i = 0; i < 6000; i++)
		tell_sample(to, i, 1, 1000 + i % 2);
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
		cmocka_unit_test(small_adds_up),
		cmocka_unit_test(service_adds_up),
		cmocka_unit_test(nothing_is_a_file),
		cmocka_unit_test(neighbours_are_one),
		cmocka_unit_test(too_much_is_added_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
