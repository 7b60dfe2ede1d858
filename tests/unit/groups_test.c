/* SPDX-License-Identifier: MIT */
/* What tables of lines count: a line's own time has all that it calls and has no line of its own. */
#include "tests/unit/waiting_profile.h"
#include "user/profile/groups.h"

#define MS 1000000ull

static struct group_row *rows_of(const struct profile *p, const struct view *v, enum groups_key key, size_t *cnt,
				 struct groups **g)
{
	uint32_t *of_frame;
	struct group_row *rows;

	*g = groups__new(key, v, false);
	of_frame = groups__add(*g, p);
	rows = groups__rows(*g, of_frame, v, p, cnt);
	free(of_frame);
	return rows;
}

static void lines_have_what_they_wait_for_and_what_runs_in_c(void **state)
{
	static const struct {
		const char *at;
		uint64_t own_ms, ms;
	} want[] = {{"app.py:21", 580, 580}, {"app.py:11", 410, 1000}, {"app.py:31", 10, 10}};
	struct profile *p = waiting_profile(WAITING_ROWS);
	struct view v = {.no_idle = true};
	struct groups *g;
	size_t cnt;
	struct group_row *rows;

	(void)state;
	assert_true(view__choose_type(&v, p));
	rows = rows_of(p, &v, GROUPS_LINE, &cnt, &g);
	assert_int_equal(cnt, 3);
	for (size_t i = 0; i < cnt; i++) {
		assert_string_equal(rows[i].group->location, want[i].at);
		assert_int_equal(rows[i].sum.own_value, want[i].own_ms * MS);
		assert_int_equal(rows[i].sum.value, want[i].ms * MS);
	}
	free(rows);
	groups__free(g);
	profile__free(p);
}

/* What no line called is listed by itself; functions are all listed. */
static void nothing_goes_missing(void **state)
{
	struct profile_builder *b = profile_builder__new(true);
	struct profile_sink to = profile_builder__sink(b);
	struct profile *p;
	struct view v = {0};
	struct groups *g;
	struct group_row *rows;
	size_t cnt;

	(void)state;
	tell_meta(to, false);
	emit_process(to, 1, 42, "python3 app.py");
	emit_thread(to, 1, 1, "MainThread");
	emit_function(to, 1, "main", "/srv/app/app.py");
	emit_function(to, 2, "[native threads]", "");
	emit_function(to, 3, "[lock]", "");
	for (uint32_t i = 1; i <= 3; i++)
		tell_frame(to, i, i, i == 1 ? 12 : 0);
	tell_stack(to, 1, 0, 1);
	tell_stack(to, 2, 1, 3); /* main, [lock] */
	tell_stack(to, 3, 0, 2);
	tell_stack(to, 4, 3, 3); /* [native threads], [lock] */
	to.ops->sample(to.ctx, &(struct profile_sample){.thread = 1, .stack = 2, .value = 30 * MS});
	to.ops->sample(to.ctx, &(struct profile_sample){.thread = 1, .stack = 4, .value = 20 * MS});
	p = profile_builder__finish(b);
	rows = rows_of(p, &v, GROUPS_LINE, &cnt, &g);
	assert_int_equal(cnt, 2);
	assert_string_equal(rows[0].group->location, "app.py:12");
	assert_int_equal(rows[0].sum.own_value, 30 * MS);
	assert_string_equal(rows[1].group->name, "[lock]");
	assert_int_equal(rows[1].sum.own_value, 20 * MS);
	free(rows);
	groups__free(g);
	rows = rows_of(p, &v, GROUPS_FUNCTION, &cnt, &g);
	assert_int_equal(cnt, 3);
	assert_string_equal(rows[0].group->name, "[lock]");
	assert_int_equal(rows[0].sum.own_value, 50 * MS);
	free(rows);
	groups__free(g);
	profile__free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_have_what_they_wait_for_and_what_runs_in_c),
		cmocka_unit_test(nothing_goes_missing),
	};

	return cmocka_run_group_tests_name("groups", tests, NULL, NULL);
}
