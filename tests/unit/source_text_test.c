/* SPDX-License-Identifier: MIT */
/* Source lines: only from texts in which the function is where it should be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "user/profile/source_text.h"
#include "user/util/alloc.h"

static const char program[] = "import os\n"
			      "\n"
			      "@decorated\n"
			      "@twice(1)\n"
			      "def work(x):\n"
			      "\treturn x * 2  \r\n"
			      "f = lambda y: y\n"
			      "def reworked(x):\n"
			      "    return '\x1b[31m\xff'";

static unsigned asked;

static enum view_source give(void *ctx, const char *file, char **text)
{
	asked++;
	assert_ptr_equal(ctx, program);
	if (!strcmp(file, "/srv/changed.py"))
		return VIEW_SOURCE_CHANGED;
	if (strcmp(file, "/srv/app.py"))
		return VIEW_SOURCE_MISSING;
	*text = xstrdup(program);
	return VIEW_SOURCE_TEXT;
}

static const struct view_sources from = {give, (void *)program};

static void lines_of_the_right_function(void **state)
{
	static const struct {
		const char *function, *want;
		int32_t first, line;
	} cases[] = {
		{"<module>", "import os", 1, 1},
		{"<module>", "", 1, 2},
		{"Engine.work", "return x * 2", 3, 6}, /* its first line is the decorator's */
		{"work", "def work(x):", 5, 5},
		{"<lambda>", "f = lambda y: y", 7, 7},
		{"reworked", "return '\\x1b[31m\\xff'", 8, 9},
		{"work", NULL, 6, 6}, /* nothing below is called so: `reworked` is another */
		{"elsewhere", NULL, 3, 6},
		{"<lambda>", NULL, 8, 9},
		{"work", NULL, 5, 10},
		{"work", NULL, 5, 0},
		{"work", NULL, -3, 5},
		{"work", NULL, INT32_MAX, 5},
	};
	struct source_text *s = source_text__new(&from);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct profile_function f = {
			.file = "/srv/app.py", .name = cases[i].function, .first_line = cases[i].first};
		const char *got = source_text__line(s, &f, cases[i].line);

		if (cases[i].want)
			assert_string_equal(got, cases[i].want);
		else
			assert_null(got);
		assert_false(source_text__is_changed(s, &f));
	}
	assert_int_equal(asked, 1); /* each file once */
	source_text__free(s);
	source_text__free(NULL);
}

static void what_has_no_text(void **state)
{
	static const char *const files[] = {"/srv/none.py", "/srv/changed.py", "<frozen os>", "app.py", ""};
	struct source_text *s = source_text__new(&from);

	(void)state;
	asked = 0;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(files); i++) {
		struct profile_function f = {.file = files[i / 2], .name = "<module>", .first_line = 1};

		assert_null(source_text__line(s, &f, 1));
		assert_int_equal(source_text__is_changed(s, &f), !strcmp(f.file, "/srv/changed.py"));
	}
	assert_int_equal(asked, 4); /* each once, and not without a name */
	source_text__free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_of_the_right_function),
		cmocka_unit_test(what_has_no_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
