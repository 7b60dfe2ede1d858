/* SPDX-License-Identifier: MIT */
/* Files that have one short name are told apart by as many folders as it takes, and by no more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "user/profile/profile.h"
#include "user/util/alloc.h"
#include <string.h>

static struct profile *profile_of(const char *const files[][2], uint32_t cnt)
{
	struct profile_builder *b = profile_builder__new(false);
	struct profile_sink to = profile_builder__sink(b);

	for (uint32_t i = 0; i < cnt; i++)
		to.ops->function(to.ctx, &(struct profile_function){.id = i + 1,
								    .name = "f",
								    .module = "",
								    .file = files[i][0],
								    .short_file = files[i][1]});
	return profile_builder__finish(b);
}

static void assert_names(const char *const files[][2], const char *const expected[], uint32_t cnt)
{
	struct profile *p = profile_of(files, cnt);

	for (uint32_t i = 0; i < cnt; i++)
		assert_string_equal(p->functions[i + 1].short_file, expected[i]);
	profile__free(p);
}

static void one_file_keeps_its_name(void **state)
{
	static const char *const files[][2] = {{"/srv/app/views.py", "app/views.py"},
					       {"/srv/app/views.py", "app/views.py"},
					       {"<string>", "<string>"},
					       {"", ""},
					       {"", ""}};
	static const char *const names[] = {"app/views.py", "app/views.py", "<string>", "", ""};

	(void)state;
	assert_names(files, names, 5);
}

static void several_are_told_apart(void **state)
{
	static const char *const files[][2] = {
		{"/usr/lib/python3.8/threading.py", "threading.py"},
		{"/usr/lib/python3.12/threading.py", "threading.py"},
		{"/a/lib/python3.12/site-packages/lib.py", "lib.py"},
		{"/b/lib/python3.12/site-packages/lib.py", "lib.py"},
		{"/lib.py", "lib.py"},
		{"rel/x.py", "x.py"},
		{"x.py", "x.py"},
		{"/srv/app.zip", "shown.py"}, /* no end of its file */
		{"/srv/other.zip", "shown.py"},
	};
	static const char *const names[] = {
		"python3.8/threading.py",
		"python3.12/threading.py",
		"/a/lib/python3.12/site-packages/lib.py",
		"/b/lib/python3.12/site-packages/lib.py",
		"/lib.py",
		"rel/x.py",
		"x.py",
		"/srv/app.zip",
		"/srv/other.zip",
	};

	(void)state;
	assert_names(files, names, 9);
}

/* A file may be called by so many folders that each at a time would take for ever. */
static void long_ways_end(void **state)
{
	char a[4000], b[4000];
	const char *const files[][2] = {{a, "x.py"}, {b, "x.py"}};
	const char *const names[] = {a, b};

	(void)state;
	for (size_t i = 0; i < sizeof(a); i++)
		a[i] = b[i] = i % 2 ? 'd' : '/';
	b[1] = 'e';
	strcpy(a + sizeof(a) - 6, "/x.py");
	strcpy(b + sizeof(b) - 6, "/x.py");
	assert_names(files, names, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_file_keeps_its_name),
		cmocka_unit_test(several_are_told_apart),
		cmocka_unit_test(long_ways_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
