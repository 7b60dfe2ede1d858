/* Source lines: only from files that prove to be what ran. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "user/os/source_text.h"
#include "user/util/alloc.h"
#include <fcntl.h>
#include <sys/stat.h>

#define OLD  1000000000 /* when the files were changed */
#define THEN 1700000000 /* when it was recorded */

static char folder[] = "/tmp/source_text_XXXXXX";

static char *make_file(const char *name, const char *text, time_t changed)
{
	const struct timespec times[2] = {{changed, 0}, {changed, 0}};
	char *path = xasprintf("%s/%s", folder, name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	return path;
}

static int begin(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int end(void **state)
{
	__cleanup_free char *command = xasprintf("rm -rf %s", folder);

	(void)state;
	return system(command);
}

static const char program[] = "import os\n"
			      "\n"
			      "@decorated\n"
			      "@twice(1)\n"
			      "def work(x):\n"
			      "\treturn x * 2  \r\n"
			      "f = lambda y: y\n"
			      "def reworked(x):\n"
			      "    return '\x1b[31m\xff'";

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
	__cleanup_free char *path = make_file("app.py", program, OLD);
	struct source_text *s = source_text__new((uint64_t)THEN * 1000000000);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *got = source_text__line(s, path, cases[i].function, cases[i].first,
						    cases[i].line);

		if (cases[i].want)
			assert_string_equal(got, cases[i].want);
		else
			assert_null(got);
	}
	source_text__free(s);
	source_text__free(NULL);
}

static void only_old_python_files(void **state)
{
	__cleanup_free char *newer = make_file("newer.py", program, THEN + 1);
	__cleanup_free char *other = make_file("secret", program, OLD);
	__cleanup_free char *old = make_file("old.py", "x = 0\nx = 1\n", OLD);
	__cleanup_free char *fifo = xasprintf("%s/fifo.py", folder);
	struct source_text *s = source_text__new((uint64_t)THEN * 1000000000);
	struct source_text *unknown = source_text__new(0);

	(void)state;
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_null(source_text__line(s, newer, "<module>", 1, 1));
	assert_null(source_text__line(s, other, "<module>", 1, 1));
	assert_string_equal(source_text__line(s, old, "<module>", 1, 2), "x = 1");
	assert_string_equal(source_text__line(s, old, "<module>", 1, 3), "");
	assert_null(source_text__line(s, old, "<module>", 1, 4));
	assert_null(
		source_text__line(s, fifo, "<module>", 1, 1)); /* and does not wait for a writer */
	assert_null(source_text__line(s, folder, "<module>", 1, 1));
	assert_null(source_text__line(s, "/nowhere/x.py", "<module>", 1, 1));
	assert_null(source_text__line(s, "<frozen os>", "<module>", 1, 1));
	assert_null(source_text__line(s, "", "<module>", 1, 1));
	assert_null(source_text__line(unknown, old, "<module>", 1, 2));
	source_text__free(s);
	source_text__free(unknown);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_of_the_right_function),
		cmocka_unit_test(only_old_python_files),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
