/* SPDX-License-Identifier: MIT */
/* Functions that are one for other programs: the same file, line and name, whoever ran them. */
#include "user/profile/function_ids.h"
#include "tests/unit/small_profile.h"

/* Function 3 is function 1 again, as another process has it; 4 differs by its line, 5 has no
 * samples. */
static struct profile *make(void)
{
	struct profile_builder *b = profile_builder__new(true);
	struct profile_sink to = profile_builder__sink(b);
	struct profile_function f = {.name = "f", .module = "m", .file = "/x/m.py", .short_file = "m.py"};

	tell_meta(to, true);
	emit_process(to, 1, 42, "a");
	emit_process(to, 2, 43, "b");
	emit_thread(to, 1, 1, "");
	emit_thread(to, 2, 2, "");
	for (uint32_t id = 1; id <= 5; id++) {
		f.id = id;
		f.name = id == 2 ? "g" : "f";
		f.first_line = id == 4 ? 20 : 10;
		to.ops->function(to.ctx, &f);
		tell_frame(to, id, id, 30);
	}
	tell_stack(to, 1, 0, 2);
	tell_stack(to, 2, 1, 1);
	tell_stack(to, 3, 2, 3);
	tell_stack(to, 4, 0, 4);
	tell_stack(to, 5, 0, 5);
	emit_sample(to, 0, 1, 3);
	emit_sample(to, 1, 2, 4); /* the only one that holds the GIL */
	return profile_builder__finish(b);
}

static void by_file_line_and_name(void **state)
{
	struct profile *p = make();
	const struct view v = {0};
	struct function_ids *s = function_ids__new(&v, p);

	(void)state;
	assert_int_equal(s->cnt, 3);
	/* numbered by first sight, from the leaf on */
	assert_int_equal(s->of_function[3], 1);
	assert_int_equal(s->of_function[1], 1);
	assert_int_equal(s->of_function[2], 2);
	assert_int_equal(s->of_function[4], 3);
	assert_int_equal(s->of_function[5], 0);
	assert_int_equal(s->function[1], 3);
	assert_int_equal(s->function[3], 4);
	function_ids__free(s);
	function_ids__free(NULL);
	profile__free(p);
}

static void only_what_the_view_has(void **state)
{
	struct profile *p = make();
	const struct view v = {.gil_only = true};
	struct function_ids *s = function_ids__new(&v, p);

	(void)state;
	assert_int_equal(s->cnt, 1);
	assert_int_equal(s->of_function[4], 1);
	function_ids__free(s);
	profile__free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_file_line_and_name),
		cmocka_unit_test(only_what_the_view_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
