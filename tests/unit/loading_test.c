/* SPDX-License-Identifier: MIT */
/* Commands that are held where their program begins, in all the ways in which they may not get there. */
#include "user/os/child.h"
#include "user/util/alloc.h"
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static char name[64]; /* of the program that was looked at last */
static unsigned looks;

static void look(pid_t pid)
{
	__cleanup_free char *path = xasprintf("/proc/%d/comm", pid);
	__cleanup_file FILE *f = fopen(path, "r");

	looks++;
	assert_non_null(f);
	assert_non_null(fgets(name, sizeof(name), f));
	name[strcspn(name, "\n")] = '\0';
}

static bool any(pid_t pid)
{
	look(pid);
	return true;
}

static bool is_named_true(pid_t pid)
{
	look(pid);
	return !strcmp(name, "true");
}

static struct child start(char **argv)
{
	static sigset_t none;
	struct child c;

	looks = 0;
	name[0] = '\0';
	assert_int_equal(child_start(argv, NULL, &none, &c), 0);
	return c;
}

static void nothing_has_run_yet(void **state)
{
	char path[] = "/tmp/loading_test-XXXXXX", *argv[] = {"sh", "-c", "echo ran >\"$0\"; exit 3", path, NULL};
	struct child c;
	int fd = mkstemp(path);
	char text[8];

	(void)state;
	assert_true(fd >= 0);
	c = start(argv);
	assert_int_equal(child_load(&c, any), 0);
	assert_string_equal(name, "sh");
	usleep(50000);
	assert_int_equal(read(fd, text, sizeof(text)), 0);
	assert_int_equal(child_go(&c), 0);
	assert_int_equal(child_wait(&c), 3);
	assert_int_equal(read(fd, text, sizeof(text)), 4);
	close(fd);
	unlink(path);
}

static void what_only_starts_another(void **state)
{
	char *argv[] = {"env", "env", "true", NULL};
	struct child c = start(argv);

	(void)state;
	assert_int_equal(child_load(&c, is_named_true), 0);
	assert_string_equal(name, "true");
	assert_int_equal(looks, 3);
	assert_int_equal(child_go(&c), 0);
	assert_int_equal(child_wait(&c), 0);
}

static void the_one_that_is_wanted_does_not_come(void **state)
{
	char *argv[] = {"sh", "-c", "trap 'exit 7' TERM; while :; do :; done", NULL};
	struct child c = start(argv);

	(void)state;
	assert_int_equal(child_load(&c, is_named_true), 0);
	assert_string_equal(name, "sh");
	kill(c.pid, SIGTERM); /* while it is held */
	assert_int_equal(child_go(&c), 0);
	assert_int_equal(child_wait(&c), 7);
}

static void signals_on_the_way(void **state)
{
	char *argv[] = {"sh", "-c", "kill -USR1 $$; exit 1", NULL};
	struct child c = start(argv);

	(void)state;
	assert_int_equal(child_load(&c, is_named_true), 0);
	assert_int_equal(child_go(&c), 0);
	assert_int_equal(child_wait(&c), 128 + SIGUSR1);
}

static void it_ends_on_the_way(void **state)
{
	char *argv[] = {"env", "/nonexistent", NULL};
	struct child c = start(argv);

	(void)state;
	assert_int_equal(child_load(&c, is_named_true), 0);
	assert_int_equal(child_go(&c), 0);
	assert_int_equal(child_wait(&c), 127);
}

static void there_is_no_such_command(void **state)
{
	char *argv[] = {"/nonexistent", NULL};
	struct child c = start(argv);

	(void)state;
	assert_int_equal(child_load(&c, any), -ENOENT);
	assert_int_equal(looks, 0);
	assert_int_equal(child_wait(&c), 127);
}

/* As in a container without the right to trace. */
static void forbid_ptrace(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ptrace, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(*code), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		_exit(1);
}

static int run_untraced(void)
{
	char *argv[] = {"sh", "-c", "exit 5", NULL};
	struct child c;

	forbid_ptrace();
	c = start(argv);
	if (child_load(&c, any) || looks || child_go(&c))
		return 2;
	return child_wait(&c) == 5 ? 0 : 3;
}

static void it_may_not_be_traced(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (!pid)
		_exit(run_untraced());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void it_dies_with_us(void **state)
{
	char *argv[] = {"sleep", "100", NULL};
	int ends[2], status;
	char byte;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (!pid) {
		struct child c = start(argv);

		_exit(child_load(&c, any)); /* the pipe's other end stays open in the command while that lives */
	}
	close(ends[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(read(ends[0], &byte, 1), 0);
	close(ends[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_has_run_yet),
		cmocka_unit_test(what_only_starts_another),
		cmocka_unit_test(the_one_that_is_wanted_does_not_come),
		cmocka_unit_test(signals_on_the_way),
		cmocka_unit_test(it_ends_on_the_way),
		cmocka_unit_test(there_is_no_such_command),
		cmocka_unit_test(it_may_not_be_traced),
		cmocka_unit_test(it_dies_with_us),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
