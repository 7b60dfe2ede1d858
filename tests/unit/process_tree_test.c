/* SPDX-License-Identifier: MIT */
/* Who started whom: pids that were given again, parents that the profile has nothing of, files that lie. */
#include "tests/unit/small_profile.h"
#include "user/profile/process_tree.h"

struct one {
	uint32_t pid, parent_pid;
	uint64_t start_ns;
};

/* Ids are 1, 2, … in the order of `all`. */
static struct process_tree *tree_of(const struct one *all, size_t cnt, struct profile **p)
{
	struct profile_builder *b = profile_builder__new(false);
	struct profile_sink to = profile_builder__sink(b);
	struct process_tree *t;

	for (size_t i = 0; i < cnt; i++) {
		struct profile_process q = {.id = (uint32_t)i + 1,
					    .pid = all[i].pid,
					    .parent_pid = all[i].parent_pid,
					    .start_unix_ns = all[i].start_ns,
					    .command = "x",
					    .python = "",
					    .interpreter = "",
					    .cgroup = "",
					    .rights = ""};

		to.ops->process(to.ctx, &q);
	}
	*p = profile_builder__finish(b);
	t = process_tree__new(*p);
	return t;
}

static void check(const struct one *all, size_t cnt, const uint32_t *want)
{
	struct profile *p;
	struct process_tree *t = tree_of(all, cnt, &p);

	for (size_t i = 0; i < cnt; i++)
		assert_int_equal(process_tree__parent(t, (uint32_t)i + 1), want[i]);
	assert_int_equal(process_tree__parent(t, 0), 0);
	assert_int_equal(process_tree__parent(t, (uint32_t)cnt + 1), 0);
	assert_int_equal(process_tree__parent(t, PROCESS_TREE_OUTSIDE | 7), 0);
	process_tree__free(t);
	profile__free(p);
}

static void children_have_their_parents(void **state)
{
	(void)state;
	/* the child is seen first; both started within one step of the clock */
	check((const struct one[]){{11, 10, 5}, {10, 1, 5}, {12, 11, 6}}, 3, (const uint32_t[]){2, 0, 1});
	/* starts are unknown */
	check((const struct one[]){{10, 1, 0}, {11, 10, 0}}, 2, (const uint32_t[]){0, 1});
}

static void pids_are_given_again(void **state)
{
	(void)state;
	check((const struct one[]){{10, 1, 5}, {11, 10, 7}, {10, 1, 9}, {12, 10, 10}, {13, 10, 2}}, 5,
	      (const uint32_t[]){0, 1, 0, 3, 0});
}

static void parents_without_samples_hold_several_together(void **state)
{
	const uint32_t of_9 = PROCESS_TREE_OUTSIDE | 9;

	(void)state;
	check((const struct one[]){{10, 9, 5}, {11, 8, 5}, {12, 9, 6}, {13, 1, 6}, {14, 1, 6}, {15, 12, 7}}, 6,
	      (const uint32_t[]){of_9, 0, of_9, 0, 0, 3});
	assert_true(process_tree_is_outside(of_9) && process_tree_pid(of_9) == 9);
	assert_false(process_tree_is_outside(9));
}

/* From each one walks up to an end. */
static void circles_are_cut(void **state)
{
	const struct one all[] = {{1, 1, 5},
				  {10, 12, 5},
				  {11, 10, 5},
				  {12, 11, 5},
				  {20, 20, 3},
				  {21, 12, 6},
				  {UINT32_MAX, UINT32_MAX - 1, 1},
				  {30, UINT32_MAX - 1, 2}};
	struct profile *p;
	struct process_tree *t = tree_of(all, sizeof(all) / sizeof(*all), &p);

	(void)state;
	for (uint32_t i = 1; i <= sizeof(all) / sizeof(*all); i++) {
		unsigned steps = 0;

		for (uint32_t at = i; at; at = process_tree__parent(t, at))
			assert_true(steps++ < 9);
	}
	assert_int_equal(process_tree__parent(t, 6), 4);
	process_tree__free(t);
	profile__free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(children_have_their_parents),
		cmocka_unit_test(pids_are_given_again),
		cmocka_unit_test(parents_without_samples_hold_several_together),
		cmocka_unit_test(circles_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
