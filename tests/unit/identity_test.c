/* SPDX-License-Identifier: MIT */
/* Services by OpenTelemetry's variables: of environments, and of processes that live and do no more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "user/os/procfs.h"
#include "user/target/identity.h"
#include "user/util/alloc.h"
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#define Z "\0"

static const struct {
	const char *bytes;
	size_t len;
	const char *want;
} cases[] = {
#define CASE(text, want) {text, sizeof(text) - 1, want}
	CASE("", ""),
	CASE("PATH=/bin" Z "HOME=/" Z, ""),
	CASE("PATH=/bin" Z "OTEL_SERVICE_NAME=checkout" Z "X=1" Z, "checkout"),
	CASE("OTEL_SERVICE_NAME=checkout", "checkout"), /* not ended */
	CASE("OTEL_SERVICE_NAME=" Z, ""),
	CASE("OTEL_SERVICE_NAME=  two words " Z, "two words"),
	CASE("XOTEL_SERVICE_NAME=a" Z "OTEL_SERVICE_NAMES=b" Z "OTEL_SERVICE_NAM=c" Z "OTEL_SERVICE=d" Z, ""),
	CASE("SECRET=OTEL_SERVICE_NAME=a" Z, ""),
	CASE("OTEL_SERVICE_NAME=first" Z "OTEL_SERVICE_NAME=second" Z, "first"),
	CASE("OTEL_RESOURCE_ATTRIBUTES=service.name=shop" Z, "shop"),
	CASE("OTEL_RESOURCE_ATTRIBUTES=token=s3cret, service.name = shop ,x=y" Z, "shop"),
	CASE("OTEL_RESOURCE_ATTRIBUTES=service.name=a%20b%2Cc%zz%4" Z, "a b,c%zz%4"),
	CASE("OTEL_RESOURCE_ATTRIBUTES=service.names=x,myservice.name=y,service.namespace=z" Z, ""),
	CASE("OTEL_RESOURCE_ATTRIBUTES=service.name" Z, ""),
	CASE("OTEL_RESOURCE_ATTRIBUTES=,,=,service.name=,a" Z, ""),
	CASE("OTEL_RESOURCE_ATTRIBUTES=service.name=shop" Z "OTEL_SERVICE_NAME=checkout" Z, "checkout"),
	CASE("OTEL_SERVICE_NAME=" Z "OTEL_RESOURCE_ATTRIBUTES=service.name=shop" Z, "shop"),
	CASE("OTEL_SERVICE_NAME=a\x1b[31mb\n" Z, "a\\x1b[31mb"),
	CASE(Z Z Z "OTEL_SERVICE_NAME=x" Z Z, "x"),
};

/* In pieces of each size, since they may end anywhere. */
static void test_environments(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (size_t piece = 1; piece <= cases[i].len + 1; piece++) {
			struct identity_scan s = {0};
			char got[IDENTITY_SERVICE];

			for (size_t at = 0; at < cases[i].len; at += piece)
				identity_scan__feed(&s, cases[i].bytes + at,
						    piece < cases[i].len - at ? piece : cases[i].len - at);
			identity_scan__end(&s, got);
			assert_string_equal(got, cases[i].want);
		}
}

static void test_long_values(void **state)
{
	struct identity_scan s = {0};
	char got[IDENTITY_SERVICE];

	(void)state;
	identity_scan__feed(&s, "OTEL_SERVICE_NAME=x", 19);
	for (int i = 0; i < 100000; i++)
		identity_scan__feed(&s, "ö", 2);
	identity_scan__end(&s, got);
	assert_int_equal(strlen(got), 253);
	assert_memory_equal(got + 251, "ö", 2);
	for (int i = 0; i < 1000000; i++) /* one variable that has no end */
		identity_scan__feed(&s, "x", 1);
	identity_scan__end(&s, got);
	assert_string_equal(got, "");
}

/* ---- of processes ------------------------------------------------------------------------------------------- */

static pid_t start(const char *variable)
{
	int ready[2];
	char c;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (!pid) {
		char *const argv[] = {"sh", "-c", "echo; kill -STOP $$", NULL};
		char *const envp[] = {"SECRET=s", (char *)variable, "PATH=/usr/bin:/bin", NULL};

		dup2(ready[1], 1);
		close(ready[0]);
		close(ready[1]);
		execve("/bin/sh", argv, envp);
		_exit(1);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static struct process *make(struct processes *t, uint32_t image, pid_t pid, pid_t ppid, const char *cgroup)
{
	struct process *p = processes__get(t, image, pid);

	procfs_stat(pid, &p->start_ns, NULL);
	p->ppid = ppid;
	free(p->cgroup);
	p->cgroup = cgroup ? xstrdup(cgroup) : procfs_cgroup(pid);
	return p;
}

static void assert_service(const struct process *p, const char *want)
{
	assert_string_equal(p->service ? p->service : "none", want);
}

static void test_of_processes(void **state)
{
	pid_t named = start("OTEL_SERVICE_NAME=checkout"), nameless = start("X=1");
	struct processes *t = processes__new("");
	char got[IDENTITY_SERVICE];
	struct process *p, *fork_of_it;

	(void)state;
	assert_int_equal(identity_read_service(named, got), 0);
	assert_string_equal(got, "checkout");
	assert_int_equal(identity_read_service(nameless, got), 0);
	assert_string_equal(got, "");

	p = make(t, 1, named, getpid(), NULL);
	identity_set(t, p);
	assert_service(p, "none"); /* nobody asked for it */
	processes__identify(t);
	identity_set(t, p);
	assert_service(p, "checkout");
	p = make(t, 2, nameless, named, NULL);
	identity_set(t, p);
	assert_service(p, "none"); /* it said so itself, whatever its parent's is */

	fork_of_it = make(t, 3, 0x3fffff00, named, "/x");
	fork_of_it->parent_image_id = 1;
	identity_set(t, fork_of_it);
	assert_service(fork_of_it, "checkout");
	end(named);
	p = processes__get(t, 1, named);
	identity_set(t, p); /* it is kept */
	assert_service(p, "checkout");
	assert_int_equal(identity_read_service(named, got), -ESRCH);
	end(nameless);
	processes__free(t);
}

/* Gone before it was looked at: as its parent, if that is in the same cgroup. */
static void test_of_those_that_are_gone(void **state)
{
	pid_t parent = start("OTEL_RESOURCE_ATTRIBUTES=service.name=shop");
	__cleanup_free char *cgroup = procfs_cgroup(parent);
	struct processes *t = processes__new("");
	struct process *p;

	(void)state;
	processes__identify(t);
	p = make(t, 1, 0x3fffff01, parent, cgroup);
	identity_set(t, p);
	assert_service(p, *cgroup ? "shop" : "none");
	p = make(t, 2, 0x3fffff02, parent, "/docker/elsewhere");
	identity_set(t, p);
	assert_service(p, "none");
	p = make(t, 3, 0x3fffff03, 1, cgroup);
	identity_set(t, p);
	assert_service(p, "none");
	end(parent);
	/* a parent that is gone, too, but was known */
	p = processes__get(t, 4, parent);
	p->identified = true;
	p->service = xstrdup("known");
	free(p->cgroup);
	p->cgroup = xstrdup("/docker/a");
	p = make(t, 5, 0x3fffff05, parent, "/docker/a");
	identity_set(t, p);
	assert_service(p, "known");
	p = make(t, 6, 0x3fffff06, parent, "/docker/b");
	identity_set(t, p);
	assert_service(p, "none");
	processes__free(t);
}

/* A zombie has no environment, which is not to have an empty one. */
static void test_of_a_zombie(void **state)
{
	char got[IDENTITY_SERVICE];
	siginfo_t info;
	pid_t pid = start("OTEL_SERVICE_NAME=checkout");

	(void)state;
	kill(pid, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(identity_read_service(pid, got), -ESRCH);
	end(pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_environments), cmocka_unit_test(test_long_values),
		cmocka_unit_test(test_of_processes), cmocka_unit_test(test_of_those_that_are_gone),
		cmocka_unit_test(test_of_a_zombie),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
