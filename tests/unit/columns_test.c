/* SPDX-License-Identifier: MIT */
/* Texts cut to columns: exactly as wide as asked, whatever characters they have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "user/util/columns.h"

static void assert_fit(const char *text, size_t width, enum columns_keep keep, const char *want)
{
	char *got = columns_fit(text, width, keep);

	assert_string_equal(got, want);
	assert_int_equal(columns_of(got), width);
	free(got);
}

static void texts_are_fitted(void **state)
{
	(void)state;
	assert_fit("abc", 5, COLUMNS_KEEP_START, "abc  ");
	assert_fit("abc", 3, COLUMNS_KEEP_END, "abc");
	assert_fit("abcdef", 4, COLUMNS_KEEP_START, "abc…");
	assert_fit("abcdef", 4, COLUMNS_KEEP_END, "…def");
	assert_fit("abcdef", 1, COLUMNS_KEEP_END, "…");
	assert_fit("abcdef", 0, COLUMNS_KEEP_START, "");
	assert_fit("", 2, COLUMNS_KEEP_START, "  ");
	assert_fit("Größe", 5, COLUMNS_KEEP_START, "Größe");
	assert_fit("Größe", 4, COLUMNS_KEEP_END, "…öße");
	/* wide characters take two columns and are not halved */
	assert_fit("日本語", 6, COLUMNS_KEEP_START, "日本語");
	assert_fit("日本語", 5, COLUMNS_KEEP_START, "日本…");
	assert_fit("日本語", 4, COLUMNS_KEEP_START, "日… ");
	assert_fit("日本語", 4, COLUMNS_KEEP_END, "…語 ");
	assert_fit("日本語", 5, COLUMNS_KEEP_END, "…本語");
	/* a combining accent takes none */
	assert_fit("e\xcc\x81t\xc3\xa9", 4, COLUMNS_KEEP_START, "e\xcc\x81t\xc3\xa9 ");
}

static void names_and_paths_are_cut_between_their_parts(void **state)
{
	(void)state;
	assert_fit("Session.execute", 15, COLUMNS_KEEP_NAME, "Session.execute");
	assert_fit("orm.Session.execute", 17, COLUMNS_KEEP_NAME, "…Session.execute ");
	assert_fit("Session.execute", 14, COLUMNS_KEEP_NAME, "…execute      ");
	assert_fit("load_all_the_rows", 12, COLUMNS_KEEP_NAME, "…_the_rows  ");
	assert_fit("loadallrows", 6, COLUMNS_KEEP_NAME, "loada…");
	assert_fit("app/orm/session.py:12", 17, COLUMNS_KEEP_PATH, "…/session.py:12  ");
	assert_fit("app/orm/session.py:12", 20, COLUMNS_KEEP_PATH, "…/orm/session.py:12 ");
	assert_fit("app/orm/session.py:12", 14, COLUMNS_KEEP_PATH, "session.py:12 ");
	assert_fit("app/test_session.py:12", 15, COLUMNS_KEEP_PATH, "…_session.py:12");
	assert_fit("sessions.py:12", 9, COLUMNS_KEEP_PATH, "…ns.py:12");
	assert_fit("f (app/orm/session.py:12)", 19, COLUMNS_KEEP_FRAME, "f (…/session.py:12)");
	assert_fit("Session.execute (app/orm.py:12)", 24, COLUMNS_KEEP_FRAME, "…execute (app/orm.py:12)");
	assert_fit("Session.execute (app/orm_base_session.py:12)", 20, COLUMNS_KEEP_FRAME, "Session.execute     ");
	assert_fit("python3 app.py --fast", 18, COLUMNS_KEEP_WORDS, "python3 app.py …  ");
	assert_fit("/usr/bin/python3", 8, COLUMNS_KEEP_WORDS, "/usr/bi…");
	assert_fit("/usr/bin/python3 /srv/app.py -v", 31, COLUMNS_KEEP_COMMAND, "/usr/bin/python3 /srv/app.py -v");
	assert_fit("/usr/bin/python3 /srv/app.py -v", 26, COLUMNS_KEEP_COMMAND, "python3 /srv/app.py -v    ");
	assert_fit("/usr/bin/python3 /srv/app.py -v", 18, COLUMNS_KEEP_COMMAND, "python3 app.py -v ");
	assert_fit("/usr/bin/python3 /srv/app.py -v", 16, COLUMNS_KEEP_COMMAND, "python3 app.py …");
	assert_fit("42:\"/usr/bin/python3 -m x\"", 17, COLUMNS_KEEP_COMMAND, "42:\"python3 -m x\"");
	assert_int_equal(columns_of_file("a/b/c.py:1"), 6);
	assert_int_equal(columns_of_file("c.py:1"), 6);
	assert_fit("python3 my_long_script.py", 16, COLUMNS_KEEP_COMMAND, "python3 my_long…");
	assert_int_equal(columns_of_function("a.Bc.def"), 4);
	assert_int_equal(columns_of_function("def"), 3);
}

static void words_are_wrapped(void **state)
{
	char *got = columns_wrap("one two three four", 15, 2);

	(void)state;
	assert_string_equal(got, "one two three\n  four");
	free(got);
	got = columns_wrap("", 15, 2);
	assert_string_equal(got, "");
	free(got);
}

/* Every width of every text, as a table would do it. */
static void every_width_is_kept(void **state)
{
	static const char *const texts[] = {"",         "a",
					    "日",       "日a本b語",
					    "a日b本c",  "e\xcc\x81\xcc\x81\xcc\x81",
					    "😀😀😀x",  "日.本.語 (a/日/本.py:3)",
					    "a.b (c)",  " (x)",
					    "x (",      "a b c d e f g",
					    "/a/日 //b"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		for (size_t width = 0; width < 12; width++)
			for (int keep = COLUMNS_KEEP_START; keep <= COLUMNS_KEEP_COMMAND; keep++) {
				char *got = columns_fit(texts[i], width, (enum columns_keep)keep);

				assert_int_equal(columns_of(got), width);
				free(got);
			}
}

static void assert_lines(const char *text, size_t width, const char *want)
{
	char got[256] = "";

	while (*text) {
		size_t len = columns_line(text, width);

		assert_true(len > 0);
		strncat(got, text, len);
		strcat(got, "|");
		text += len;
		text += strspn(text, " ");
	}
	assert_string_equal(got, want);
}

static void lines_are_broken_between_words(void **state)
{
	(void)state;
	assert_lines("one two three", 20, "one two three|");
	assert_lines("one two three", 13, "one two three|");
	assert_lines("one two three", 12, "one two|three|");
	assert_lines("one two three", 7, "one two|three|");
	assert_lines("one two three", 6, "one|two|three|");
	assert_lines("a verylongword b", 6, "a|verylo|ngword|b|");
	assert_lines("日本 語", 4, "日本|語|");
	assert_lines("ab", 0, "a|b|");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_broken_between_words),
		cmocka_unit_test(texts_are_fitted),
		cmocka_unit_test(names_and_paths_are_cut_between_their_parts),
		cmocka_unit_test(words_are_wrapped),
		cmocka_unit_test(every_width_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
