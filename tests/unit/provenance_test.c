/* SPDX-License-Identifier: MIT */
/* What is learnt of where a process's code came from: of live ones from /proc, of others what the kernel side said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "user/os/procfs.h"
#include "user/target/provenance.h"
#include "user/util/alloc.h"
#include <grp.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODYS 0x3ffffff0 /* no process has this number */
#define SECOND  1000000000ull

static struct processes *all;

static struct process *add(uint32_t image, pid_t pid, uint32_t parent, uint64_t start_ns)
{
	struct process *p = processes__get(all, image, pid);

	p->parent_image_id = parent;
	p->start_ns = start_ns;
	return p;
}

static void set(struct process *p, uint32_t flags, uint32_t uid, uint32_t gid)
{
	provenance_set(all, p, &(struct abi_proc_rec){.flags = flags, .uid = uid, .gid = gid});
}

static void of_those_that_are_gone(void **state)
{
	struct process *master = add(1, NOBODYS, 0, 7 * SECOND), *worker = add(2, NOBODYS + 1, 1, 9 * SECOND);
	struct process *unheard = add(3, NOBODYS + 2, 0, 5 * SECOND), *orphan = add(4, NOBODYS + 3, 3, 6 * SECOND);

	(void)state;
	set(master, ABI_PROC_OWN_ROOT, 33, 44);
	assert_true(master->own_root);
	assert_string_equal(master->rights, "33 44");
	assert_int_equal(master->code_start_ns, 7 * SECOND);
	strcpy(master->rights, "33 44 4 5");
	set(worker, 0, 33, 44);
	assert_false(worker->own_root); /* it may have left it since */
	assert_string_equal(worker->rights, "33 44 4 5");
	assert_int_equal(worker->code_start_ns, 7 * SECOND);
	set(worker, 0, 3, 44);
	assert_string_equal(worker->rights, "3 44");
	set(worker, 0, 33, 4);
	assert_string_equal(worker->rights, "33 4");
	set(orphan, 0, 0, 0);
	assert_int_equal(orphan->code_start_ns, 5 * SECOND); /* of its parent nothing is known but when it began */
	assert_string_equal(unheard->rights, "");
	assert_false(provenance_refresh(master));
	assert_string_equal(master->rights, "33 44 4 5");
}

/* A child that does what it is told: each byte a step. */
static pid_t start(void (*step)(void), int *orders, int *done)
{
	int in[2], out[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(in) | pipe(out), 0);
	pid = fork();
	if (!pid) {
		while (read(in[0], &byte, 1) == 1) {
			step();
			if (write(out[1], "d", 1) != 1)
				break;
		}
		_exit(0);
	}
	*orders = in[1];
	*done = out[0];
	return pid;
}

static void give_up_rights(void)
{
	gid_t groups[60];

	for (gid_t i = 0; i < 60; i++)
		groups[i] = i + 5;
	if (setgroups(60, groups) || setgid(65534) || setuid(65534))
		_exit(1);
}

static void of_those_that_live(void **state)
{
	__cleanup_free char *ours = procfs_rights(getpid());
	int orders, done;
	uint64_t start_ns, ours_ns;
	struct process *p;
	uint32_t revision;
	char byte;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	usleep(30000); /* its start is another step of the clock */
	pid = start(give_up_rights, &orders, &done);
	assert_int_equal(procfs_stat(pid, &start_ns, NULL) | procfs_stat(getpid(), &ours_ns, NULL), 0);
	p = add(5, pid, 0, start_ns);
	set(p, ABI_PROC_OWN_ROOT, 1, 1);
	assert_string_equal(p->rights, ours);
	assert_true(p->code_start_ns < start_ns && p->code_start_ns <= ours_ns); /* it is a fork of ours */
	assert_false(provenance_refresh(p));
	revision = p->revision;
	assert_int_equal(write(orders, "o", 1) + read(done, &byte, 1), 2);
	assert_true(provenance_refresh(p));
	assert_int_not_equal(p->revision, revision);
	assert_memory_equal(p->rights, "65534 65534 5 6 7 ", 18);
	assert_true(strlen(p->rights) > PROCESS_RIGHTS - 5);
	assert_memory_equal(strrchr(p->rights, ' '), " 4", 2); /* a whole number: 40 to 49 */
	assert_int_equal(strlen(strrchr(p->rights, ' ')), 3);
	p->start_ns -= 10 * SECOND; /* it was another process that had this number */
	set(p, 0, 12, 13);
	assert_string_equal(p->rights, "12 13");
	assert_false(provenance_refresh(p));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_null(procfs_rights(pid));
	assert_int_equal(procfs_code_start(pid), 0);
	close(orders);
	close(done);
}

static int begin(void **state)
{
	(void)state;
	all = processes__new("");
	return 0;
}

static int end(void **state)
{
	(void)state;
	processes__free(all);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(of_those_that_are_gone, begin, end),
		cmocka_unit_test_setup_teardown(of_those_that_live, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
