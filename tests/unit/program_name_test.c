/* SPDX-License-Identifier: MIT */
/* What a program is called by its command line, or by the title that it gave itself: never an argument of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "user/util/alloc.h"
#include "user/util/program_name.h"

static const char *const cases[][2] = {
	/* modules */
	{"python3 -m celery -A shop worker -c 4", "celery"},
	{"/usr/bin/python3.12 -Im http.server 8000 --bind secret", "http.server"},
	{"python -mcelery", "celery"},
	{"python3 -u -X dev -W ignore -m shop.worker", "shop.worker"},
	{"python3 -Wignore -Xdev -O -m shop.__main__ x", "shop"},
	{"python3 -uX importtime -m shop", "shop"},
	{"python3 -m", NULL},
	{"pypy3 -m celery", "celery"},
	/* scripts */
	{"python3 /srv/app/web.py --password hunter2", "web"},
	{"python3 web.py", "web"},
	{"/venv/bin/python /venv/bin/gunicorn app:app -b :80", "gunicorn"},
	{"/venv/bin/python3.11 /venv/bin/uvicorn main:app", "uvicorn"},
	{"/usr/bin/python3 -Es /usr/sbin/tuned -l -P", "tuned"},
	{"python3.13t server.py", "server"},
	{"python3-dbg server.py", "server"},
	{"python3 -- server.py", "server"},
	{"python3 --check-hash-based-pycs never server.py", "server"},
	{"python3 /srv/worker/__main__.py x", "worker"},
	{"python3 /srv/worker/", "worker"},
	{"python3 /srv/worker.pyz x", "worker"},
	{"python3 ./tool.zip", "tool"},
	{"python3 manage.py runserver 0.0.0.0:80", "manage"},
	{"python3 /dev/fd/63", NULL},
	{"python3 .py", NULL},
	{"/lib64/ld-linux-x86-64.so.2 /usr/bin/python3 app.py", "app"},
	{"/lib64/ld-linux-x86-64.so.2 --library-path /opt/secret /usr/bin/python3 app.py", "app"},
	{"/lib/ld-musl-x86_64.so.1 --argv0=x /usr/bin/python3 app.py", "app"},
	/* neither */
	{"python3", NULL},
	{"python3 -", NULL},
	{"python3 -i", NULL},
	{"/usr/bin/python3.12", NULL},
	{"python3 -c import time; time.sleep(5) secret", NULL},
	{"python3 -uc print(1)", NULL},
	{"python3 -Icimport x", NULL},
	{"python3 -c from multiprocessing.spawn import spawn_main; spawn_main(tracker_fd=5) --multiprocessing-fork",
	 NULL},
	{"", NULL},
	{"   ", NULL},
	{"-", NULL},
	/* programs that have Python inside, and those that are called by themselves */
	{"uwsgi --http :80 --wsgi-file app.py", "uwsgi"},
	{"/usr/bin/uwsgi --ini /etc/x.ini", "uwsgi"},
	{"/usr/sbin/apache2 -k start", "apache2"},
	{"/usr/bin/gunicorn app:app", "gunicorn"},
	{"./serve.py 80", "serve"},
	{"/opt/app@2/bin/server -t tok", "server"},
	{"python-worker --x", "python-worker"},
	/* titles */
	{"gunicorn: worker [app]", "gunicorn"},
	{"gunicorn: master [shop.wsgi:app --secret x]", "gunicorn"},
	{"[celeryd: celery@host-7:MainProcess] -active- (worker -A shop --broker amqp://u:p@h)", "celeryd"},
	{"[celeryd: celery@host-7:ForkPoolWorker-12]", "celeryd"},
	{"celery@host-9: worker", "celery"},
	{"postgres: app shop 10.0.0.7(55012) SELECT", "postgres"},
	{"uWSGI worker 3", "uWSGI"},
	{"uWSGI master", "uWSGI"},
	{"rq:worker:host.4711: Listening on default", "rq"},
	{"ray::Actor.method()", "ray"},
	{"(wsgi:shop)      -k start", "wsgi"},
	{"worker-3", "worker"},
	{"worker_12 idle", "worker"},
	{"pool#7: busy", "pool"},
	{"pool/7", NULL},
	{"app2", "app2"},
	{"token=hunter2", "token"},
	{"python3: worker 7", NULL},
	{"salt-minion MultiMinionProcessManager", "salt-minion"},
	{"airflow scheduler -- DagFileProcessorManager", "airflow"},
	/* as the kernel calls a thread: nothing */
	{"[python3]", NULL},
	{"[celery: worker]", NULL},
	{"[asyncio_0]", NULL},
};

static void test_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		__cleanup_free char *name = program_name(cases[i][0]);

		if (strcmp(name ? name : "none", cases[i][1] ? cases[i][1] : "none"))
			print_error("%s\n", cases[i][0]);
		assert_string_equal(name ? name : "none", cases[i][1] ? cases[i][1] : "none");
	}
}

/* Workers of one program are one, whatever their numbers; and no word behind the first of a title is in any name. */
static void test_titles_of_workers_are_alike(void **state)
{
	static const char *const titles[] = {"gunicorn: worker [app-%d]", "[celeryd: celery@h:ForkPoolWorker-%d]",
					     "uWSGI worker %d", "worker-%d: job", "rq:worker:h.%d: idle"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(titles); i++) {
		char text[128];
		__cleanup_free char *first = NULL;

		for (int n = 1; n < 200; n++) {
			char *name;

			snprintf(text, sizeof(text), titles[i], n);
			name = program_name(text);
			first = first ? first : xstrdup(name);
			assert_string_equal(name, first);
			free(name);
		}
	}
}

static void test_long_names_are_cut_at_a_character(void **state)
{
	char command[600] = "python3 ";
	__cleanup_free char *name = NULL;

	(void)state;
	for (int i = 0; i < 150; i++)
		strcat(command, i ? "ö" : "x");
	strcat(command, ".py");
	name = program_name(command);
	assert_int_equal(strlen(name), 99);
	assert_memory_equal(name + 97, "ö", 2);
}

static void test_workers_of_pools(void **state)
{
	(void)state;
	assert_true(program_is_pool_worker("/usr/bin/python3 -c from multiprocessing.spawn import spawn_main; x"));
	assert_true(program_is_pool_worker("python3 -I -X dev -c from multiprocessing.forkserver import main"));
	assert_false(program_is_pool_worker("python3 -c print('from multiprocessing.')"));
	assert_false(program_is_pool_worker("python3 app.py -c from multiprocessing.spawn"));
	assert_false(program_is_pool_worker("sh -c from multiprocessing.spawn"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_titles_of_workers_are_alike),
		cmocka_unit_test(test_long_names_are_cut_at_a_character),
		cmocka_unit_test(test_workers_of_pools),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
