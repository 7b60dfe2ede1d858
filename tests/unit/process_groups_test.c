/* SPDX-License-Identifier: MIT */
/* Processes by container, unit, or neither: in a profile that is whole, and in one that grows. */
#include "user/profile/process_groups.h"
#include "tests/unit/small_profile.h"
#include "user/profile/shares.h"
#include "user/util/alloc.h"

static void label(struct profile_sink to, uint32_t process, const char *key, const char *value)
{
	to.ops->label(to.ctx, &(struct profile_label){process, key, value});
}

/* 1 and 4 are of a container that was started again, 2 of another one, 3 of a unit, 5 of nothing, 6 of a pod. */
static struct profile_builder *build(void)
{
	struct profile_builder *b = profile_builder__new(true);
	struct profile_sink to = profile_builder__sink(b);

	for (uint32_t id = 1; id <= 6; id++) {
		emit_process(to, id, 40 + id, "x");
		emit_thread(to, id, id, "");
	}
	label(to, 4, "container", "web");
	label(to, 4, "container_id", "bb");
	label(to, 1, "container", "aa");
	label(to, 1, "container", "web"); /* its name was found out later */
	label(to, 1, "container_id", "aa");
	label(to, 1, "unit", "podman.service");
	label(to, 2, "container", "db");
	label(to, 3, "unit", "nginx.service");
	label(to, 6, "namespace", "shop");
	label(to, 6, "pod", "web-7d4b9");
	label(to, 6, "container", "app");
	emit_function(to, 1, "f", "/x/m.py");
	tell_frame(to, 1, 1, 1);
	tell_stack(to, 1, 0, 1);
	for (uint32_t id = 1; id <= 6; id++)
		for (uint32_t n = 0; n < id; n++)
			emit_sample(to, n, id, 1);
	profile_builder__flush(b);
	return b;
}

static void check(const struct profile *p)
{
	static const char *const want[] = {
		"", "web", "db", "nginx.service", "web", "no container", "shop/web-7d4b9/app"};
	struct process_groups *g = process_groups__new(p);

	assert_int_equal(process_groups__cnt(g), 5);
	assert_true(process_groups__tell(g));
	for (uint32_t i = 1; i <= 6; i++) {
		__cleanup_free char *text = process_group_text(p, i);

		assert_string_equal(process_groups__text(g, process_groups__of(g, i)), want[i]);
		assert_string_equal(text, want[i]);
	}
	assert_int_equal(process_groups__first(g, process_groups__of(g, 4)), 1);
	assert_int_equal(process_groups__of(g, 0), 0);
	assert_int_equal(process_groups__of(g, 7), 0);
	process_groups__free(g);
}

static void test_groups(void **state)
{
	struct profile_builder *b = build();
	struct profile *p;

	(void)state;
	check(profile_builder__peek(b));
	p = profile_builder__finish(b);
	check(p);
	profile__free(p);
}

static void assert_root(const struct process_groups *g, uint32_t process, const char *want)
{
	__cleanup_free char *got = process_groups__root(g, process);

	assert_string_equal(got, want);
}

static void test_roots(void **state)
{
	struct profile *p = profile_builder__finish(build());
	struct process_groups *g = process_groups__new(p);
	struct view v = {.containers = true}, plain = {0};
	struct view_tree *t = view_tree__new(&v, p);
	size_t roots = 0;

	(void)state;
	assert_root(g, 1, "container web");
	assert_root(g, 3, "unit nginx.service");
	assert_root(g, 5, "no container");
	for (uint32_t i = t->nodes[0].child; i; i = t->nodes[i].next, roots++)
		if (!strcmp(t->nodes[i].text, "container web"))
			assert_int_equal(t->nodes[i].samples, 1 + 4);
	assert_int_equal(roots, 5);
	view_tree__free(t);
	t = view_tree__new(&plain, p);
	for (uint32_t i = t->nodes[0].child; i; i = t->nodes[i].next)
		assert_false(strstr(t->nodes[i].text, "container"));
	view_tree__free(t);
	process_groups__free(g);
	profile__free(p);
}

static void test_shares(void **state)
{
	struct profile *p = profile_builder__finish(build());
	struct process_groups *g = process_groups__new(p);
	const struct view v = {0};
	size_t cnt;
	struct share *s = shares_of_groups(&v, p, g, &cnt);

	(void)state;
	assert_int_equal(cnt, 5);
	for (size_t i = 0; i < cnt; i++)
		if (!strcmp(process_groups__text(g, s[i].id), "web"))
			assert_int_equal(s[i].samples, 5);
	free(s);
	process_groups__free(g);
	profile__free(p);
}

static void test_without_labels(void **state)
{
	struct profile_builder *b = profile_builder__new(true);
	struct process_groups *g;
	struct profile *p;

	(void)state;
	emit_process(profile_builder__sink(b), 1, 42, "x");
	p = profile_builder__finish(b);
	g = process_groups__new(p);
	assert_int_equal(process_groups__cnt(g), 1);
	assert_false(process_groups__tell(g));
	process_groups__free(g);
	profile__free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_roots),
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_without_labels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
