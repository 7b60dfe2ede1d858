/* SPDX-License-Identifier: MIT */
/* Which command lines are of one program, and what that is called. */
#include "user/profile/program_title.h"
#include "user/util/alloc.h"
#include <setjmp.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

/* Of one program, or NULL where the last differs from the first; title of all before the last. */
static const struct {
	const char *commands[4];
	const char *title; /* NULL: they are two programs */
} cases[] = {
	{{"/v/bin/python /v/bin/gunicorn app:app", "/v/bin/python /v/bin/gunicorn app:app"}, "gunicorn app:app"},
	{{"python3 worker.py 1", "/usr/bin/python3 worker.py 2"}, "python3 worker.py …"},
	{{"python3 -m celery -A shop worker -n a", "python3 -m celery -A shop worker -n b"},
	 "python3 -m celery -A shop worker -n …"},
	{{"python3 -X dev -u app.py", "python3 app.py"}, "python3 …"},
	{{"python3 -Im app", "python3 -m app"}, "python3 …"},
	{{"python -c from multiprocessing.spawn import spawn_main; spawn_main(tracker_fd=5, pipe_handle=7) -x",
	  "python -c from multiprocessing.spawn import spawn_main; spawn_main(tracker_fd=5, pipe_handle=12) -x"},
	 "python -c from multiprocessing.spawn import spawn_main; spawn_main(tracker_fd=5, …"},
	{{"gunicorn: worker [app]", "gunicorn: worker [app]"}, "gunicorn: worker [app]"},
	{{"uWSGI worker 1", "uWSGI worker 2", "uWSGI worker 13"}, "uWSGI worker …"},
	{{"gunicorn: worker [app]", "gunicorn: master [app]"}, NULL},
	{{"python3 a/app.py", "python3 b/app.py"}, NULL},
	{{"python3.11 app.py", "python3.12 app.py"}, NULL},
	{{"python3 -m app", "python3 app"}, NULL},
	{{"python3 -c pass", "python3 -c x"}, NULL},
	{{"python3", "python3 app.py"}, NULL},
	{{"", "python3"}, NULL},
	{{"python3", "python3"}, "python3"},
	{{"", ""}, ""},
	{{" ", "  "}, NULL},
	{{"python3 -", "python3 -"}, "python3 -"},
	{{"python3 -m", "python3 -m"}, "python3 -m"},
	{{"python3 -X", "python3 -X"}, "python3 -X"},
	{{"/", "/"}, ""},
	{{"python3 /srv/app/", "python3 /srv/app/"}, "app/"},
};

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *const *c = cases[i].commands;
		__cleanup_free char *first = program_key(c[0]), *title = NULL;
		uint32_t cnt = 1;
		bool same = true;

		for (; cnt < 4 && c[cnt]; cnt++) {
			__cleanup_free char *key = program_key(c[cnt]);

			same &= !strcmp(first, key);
		}
		title = program_title(c, cnt);
		if (same != !!cases[i].title || (same && strcmp(title, cases[i].title)))
			fail_msg("%s: %s, called %s", c[0], same ? "one program" : "two", title);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases)};

	return cmocka_run_group_tests_name("program_title", tests, NULL, NULL);
}
