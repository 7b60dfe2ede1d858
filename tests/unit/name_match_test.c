/* SPDX-License-Identifier: MIT */
/* Functions found by what people type, and what is offered when nothing fits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "user/profile/name_match.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include <errno.h>

static const struct name_candidate all[] = {
	{"app.core", "Engine.step", "/srv/app/core.py"}, {"app.core", "Engine.step.<locals>.inner", "/srv/app/core.py"},
	{"app.other", "step", "/srv/app/other.py"},      {"app.other", "<lambda>", "/srv/app/other.py"},
	{"app.other", "stepwise", "/srv/app/other.py"},  {"", "[truncated]", ""},
};

/* "how: name name", or the error. */
static char *found(const char *typed)
{
	struct name_match m;
	struct buf out = {0};
	char *why = NULL;

	if (name_match__find(&m, typed, all, ARRAY_SIZE(all), &why)) {
		assert_non_null(why);
		free(why);
		buf_puts(&out, "error");
	} else if (m.cnt) {
		buf_printf(&out, "%s:", m.how);
		for (size_t i = 0; i < m.cnt; i++)
			buf_printf(&out, " %s", all[m.hits[i]].name);
	} else {
		assert_null(m.how);
		buf_puts(&out, "nothing");
	}
	name_match__free(&m);
	return buf_steal_text(&out);
}

static void the_strictest_way_that_finds_anything_counts(void **state)
{
	static const struct {
		const char *typed, *want;
	} cases[] = {
		{"Engine.step", "is the name of: Engine.step"},
		{"app.core.Engine.step", "is the name of: Engine.step"},
		{"step", "is the name of: step"},
		{"inner", "is the last part of: Engine.step.<locals>.inner"},
		{"step (other.py:12)", "is the frame of: step"},
		{"step (app/other.py)", "is the frame of: step"},
		{"step (ther.py:12)", "nothing"},
		{"gine.st", "is part of: Engine.step Engine.step.<locals>.inner"},
		{"ENGINE", "is part of, but for upper and lower case,: Engine.step "
			   "Engine.step.<locals>.inner"},
		{"^s.*se$", "matches, as a regular expression,: stepwise"},
		{"^app\\.other\\.", "matches, as a regular expression,: step <lambda> stepwise"},
		{"/^step/", "matches, as a regular expression,: step stepwise"},
		{"<lambda>", "is the name of: <lambda>"},
		{"[trunc", "is part of: [truncated]"},
		{"/[trunc/", "error"},
		{"[nowhere", "nothing"},
		{"", "nothing"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		__cleanup_free char *got = found(cases[i].typed);

		assert_string_equal(got, cases[i].want);
	}
}

static void the_nearest_name_is_offered(void **state)
{
	static const struct {
		const char *typed, *want; /* by the last part or the whole; "" for none */
	} cases[] = {{"stpe", "step"}, {"Engine.stop", "step"}, {"completely_else", ""}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *near = name_match__near(cases[i].typed, all, ARRAY_SIZE(all));

		assert_true(*cases[i].want ? near && strstr(near, cases[i].want) : !near);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_strictest_way_that_finds_anything_counts),
		cmocka_unit_test(the_nearest_name_is_offered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
