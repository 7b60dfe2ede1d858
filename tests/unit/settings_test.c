/* SPDX-License-Identifier: MIT */
/* Options from a file, from the environment and from the command line become one command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "user/cmd/settings.h"
#include "user/cmd/usage.h"
#include "tests/unit/temp_folder.h"
#include "user/util/log.h"
#include <errno.h>

/* What usage.c has of it; the rest would need all commands. */
const struct argp usage_everywhere = {.options = (const struct argp_option[]){
					      {"help", 'h', NULL, 0, "", -1}, {"version", 'V', NULL, 0, "", -1}, {0}}};

static const struct argp_option target[] = {
	{"all", 'a', NULL, 0, "", 1},
	{"pid", 'p', "PID", 0, "", 1},
	{"native", 'n', "all", OPTION_ARG_OPTIONAL, "", 1},
	{"secretly", 0x101, "N", OPTION_HIDDEN, "", 1},
	{0},
};
static const struct argp_option own[] = {
	{NULL, 0, NULL, 0, "A heading:", 1},
	{"push", 0x102, "URL", 0, "", 1},
	{"to", 0, NULL, OPTION_ALIAS, NULL, 1},
	{"queue-bytes", 0x103, "SIZE", 0, "", 1},
	{"verbose", 'v', NULL, 0, "", 1},
	{"config", 0x104, "FILE", 0, "", 1},
	{0},
};
static const struct argp target_argp = {.options = target};
static const struct argp argp = {.options = own,
				 .children = (const struct argp_child[]){{&target_argp, 0, NULL, 0}, {0}}};

static const char *const variables[] = {"ALL",     "PUSH",   "TO",   "QUEUE_BYTES",  "NATIVE",
					"VERBOSE", "CONFIG", "PUHS", "SERVICE_HOST", "PID"};

static int begin(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
		__cleanup_free char *name = xasprintf("PYBPFPROF_%s", variables[i]);

		unsetenv(name);
	}
	return 0;
}

/* A file of the test's; the caller frees its path. */
static char *write_file(const char *text)
{
	char *path = xasprintf("%s/conf", folder);
	FILE *f = fopen(path, "w");

	fputs(text, f);
	fclose(f);
	return path;
}

/* What follows argv[0], with spaces between; or what was said. */
static char *built(const char *file_text, const char *line)
{
	__cleanup_free char *path = file_text ? write_file(file_text) : xasprintf("%s/none", folder);
	__cleanup_free char *words = xstrdup(line);
	char *argv[32] = {"pybpfprof daemon"}, *rest = words, *word, *said;
	struct settings s;
	char *text = xstrdup("");
	int argc = 1, err;

	while ((word = strsep(&rest, " ")))
		if (*word)
			argv[argc++] = word;
	log_capture();
	err = settings_build(&argp, argc, argv, path, &s);
	said = log_capture_end();
	if (err) {
		assert_null(s.argv);
		free(text);
		return said;
	}
	assert_string_equal(s.argv[0], argv[0]);
	assert_null(s.argv[s.argc]);
	for (int i = 1; i < s.argc; i++) {
		char *more = xasprintf("%s%s%s", text, i > 1 ? " " : "", s.argv[i]);

		free(text);
		text = more;
	}
	if (*said) {
		free(text);
		text = xasprintf("%s", said);
	}
	free(said);
	settings__free(&s);
	return text;
}

#define assert_built(file, line, want)                                                                                 \
	do {                                                                                                           \
		__cleanup_free char *got = built(file, line);                                                          \
		assert_string_equal(got, want);                                                                        \
	} while (0)
#define assert_says(file, line, want)                                                                                  \
	do {                                                                                                           \
		__cleanup_free char *got = built(file, line);                                                          \
		if (!strstr(got, want))                                                                                \
			fail_msg("\"%s\" is not in \"%s\"", want, got);                                                \
	} while (0)

static void a_file_has_lines(void **state)
{
	(void)state;
	assert_built(NULL, "", "");
	assert_built("", "-v", "-v");
	assert_built(
		"# a comment\n\n  \t\n   # another\nall\n push =  pyroscope+http://h:1/#x = y  \r\nverbose\nverbose",
		"", "--all --push=pyroscope+http://h:1/#x = y --verbose --verbose");
	assert_built("native\n", "", "--native");
	assert_built("native = all\nsecretly=3", "", "--native=all --secretly=3");
	assert_built("all = No\nverbose = yes\nnative=off", "", "--verbose");
}

static void the_higher_source_has_all_of_an_option(void **state)
{
	(void)state;
	setenv("PYBPFPROF_PUSH", "b://1;\n c://2 ;", 1);
	setenv("PYBPFPROF_QUEUE_BYTES", "", 1);
	assert_built("push = a://\nqueue-bytes = 1M", "", "--queue-bytes=1M --push=b://1 --push=c://2");
	assert_built("push = a://\nqueue-bytes = 1M", "--push d:// -v", "--queue-bytes=1M --push d:// -v");
	setenv("PYBPFPROF_ALL", "no", 1);
	assert_built("all\nverbose", "", "--verbose --push=b://1 --push=c://2");
	setenv("PYBPFPROF_ALL", "yes", 1);
	unsetenv("PYBPFPROF_PUSH");
	assert_built("verbose", "", "--verbose --all");
}

static void another_name_is_the_same_option(void **state)
{
	(void)state;
	setenv("PYBPFPROF_TO", "b://", 1);
	assert_built("push = a://", "", "--to=b://");
	assert_built("to = a://", "--push=c://", "--push=c://");
	unsetenv("PYBPFPROF_TO");
	assert_built("to = a://", "", "--to=a://");
}

/* As getopt reads it: abbreviations, letters together, values that look like options, and --. */
static void a_command_line_is_understood(void **state)
{
	static const char file[] = "push = a://\nverbose\nnative\npid = 1\nall";

	(void)state;
	assert_built(file, "--pus x", "--verbose --native --pid=1 --all --pus x");
	assert_built(file, "-avp7", "--push=a:// --native -avp7");
	assert_built(file, "-nall --queue-bytes --push",
		     "--push=a:// --verbose --pid=1 --all -nall --queue-bytes --push");
	assert_built(file, "word -v -- --push", "--push=a:// --native --pid=1 --all word -v -- --push");
	assert_built("all", "--wrong -Z", "--all --wrong -Z");
	assert_built("all", "--push", "--all --push");
}

static void what_is_wrong_is_said_with_its_place(void **state)
{
	(void)state;
	assert_says("all\n\npuhs = x", "", "/conf:3: there is no option puhs; did you mean push?");
	assert_says("--all", "", "/conf:1: --all: write it without dashes: all");
	assert_says("[daemon]", "", "there are no sections");
	assert_says("nothingness = 1", "", "/conf:1: there is no option nothingness; `pybpfprof daemon --help`");
	assert_says("help", "", "there is no option help");
	assert_says("push", "", "/conf:1: push needs a value: URL");
	assert_says("push =", "", "/conf:1: push needs a value: URL");
	assert_says("all = some", "", "/conf:1: all has no value but yes or no, not some");
	assert_says("push = \"a b\"", "", "/conf:1: push: values are written without quotes: a b");
	assert_says("config = x", "", "/conf:1: a file cannot name another");
	setenv("PYBPFPROF_ALL", "maybe", 1);
	assert_says("", "", "PYBPFPROF_ALL: all has no value but yes or no, not maybe");
}

static void other_variables_are_let_alone(void **state)
{
	(void)state;
	setenv("PYBPFPROF_SERVICE_HOST", "10.0.0.1", 1);
	assert_built("all", "", "--all");
	setenv("PYBPFPROF_PUHS", "x", 1);
	assert_says("all", "", "PYBPFPROF_PUHS, and there is no option puhs; did you mean --push?");
}

static void a_file_is_named(void **state)
{
	__cleanup_free char *other = xasprintf("%s/other", folder), *line = xasprintf("--config %s", other), *want;
	FILE *f = fopen(other, "w");

	(void)state;
	fputs("verbose", f);
	fclose(f);
	want = xasprintf("--verbose %s", line);
	assert_built("all", line, want);
	setenv("PYBPFPROF_CONFIG", other, 1);
	assert_built("all", "", "--verbose");
	unlink(other);
	assert_says("all", "", "/other: No such file or directory");
	assert_built("all", "--config=/dev/null", "--config=/dev/null");
	assert_says("all", "--config /dev/zero", "/dev/zero: this is no text with options");
}

/* Also where the file is wrong: that is when it is asked for. */
static void help_needs_no_file(void **state)
{
	(void)state;
	assert_built("wrong", "--help", "--help");
	assert_built("wrong", "-vV", "-vV");
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, begin, begin)
	const struct CMUnitTest tests[] = {
		TEST(a_file_has_lines),
		TEST(the_higher_source_has_all_of_an_option),
		TEST(another_name_is_the_same_option),
		TEST(a_command_line_is_understood),
		TEST(what_is_wrong_is_said_with_its_place),
		TEST(other_variables_are_let_alone),
		TEST(a_file_is_named),
		TEST(help_needs_no_file),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
