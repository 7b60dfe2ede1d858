/* SPDX-License-Identifier: MIT */
/* Which files are read as sources: what profiled processes name may be any file of the machine. */
#include "tests/unit/temp_folder.h"
#include "user/os/procfs.h"
#include "user/os/source_file.h"
#include "user/util/alloc.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <cmocka.h>

static char *in_folder(const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void put(const char *name, const void *bytes, size_t len, mode_t mode)
{
	__cleanup_close int fd = open(in_folder(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	assert_int_equal(fchmod(fd, mode), 0);
}

static void expect_of(const struct source_location *where, const char *path, const char *wanted)
{
	struct source_file got = {0};
	int err = source_file__read(where, path, &got);

	assert_int_equal(err == 0, wanted != NULL);
	if (wanted)
		assert_string_equal(got.text, wanted);
	else
		assert_null(got.text);
	free(got.text);
}

static void expect(const char *path, const char *wanted)
{
	expect_of(&(struct source_location){.own_root = true}, path, wanted);
}

static void python_sources_are_read(void **state)
{
	const struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000, .tv_nsec = 7}};
	struct source_file got;
	struct stat st;

	(void)state;
	put("a.py", "x = 1\n", 6, 0644);
	assert_int_equal(utimensat(AT_FDCWD, in_folder("a.py"), times, 0), 0);
	assert_int_equal(stat(in_folder("a.py"), &st), 0);
	assert_int_equal(source_file__read(&(struct source_location){.own_root = true}, in_folder("a.py"), &got), 0);
	assert_string_equal(got.text, "x = 1\n");
	assert_int_equal(got.written_unix_ns, 1000000000000000007);
	assert_int_equal(got.moved_unix_ns, st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec);
	free(got.text);
}

static void other_files_are_not(void **state)
{
	char secret[PATH_MAX];

	(void)state;
	put("secret", "root:x:0\n", 9, 0644);
	strcpy(secret, in_folder("secret"));
	expect(secret, NULL);
	expect("a.py", NULL);
	expect("", NULL);
	expect(in_folder("none.py"), NULL);
	assert_int_equal(symlink(secret, in_folder("link.py")), 0);
	expect(in_folder("link.py"), NULL);
	assert_int_equal(mkfifo(in_folder("fifo.py"), 0644), 0);
	expect(in_folder("fifo.py"), NULL);
	assert_int_equal(mkdir(in_folder("folder.py"), 0755), 0);
	expect(in_folder("folder.py"), NULL);
	put("nul.py", "x\0y", 3, 0644);
	expect(in_folder("nul.py"), NULL);
	put("empty.py", "", 0, 0644);
	expect(in_folder("empty.py"), NULL);
	assert_int_equal(truncate(in_folder("empty.py"), SOURCE_FILE_MAX + 1), 0);
	expect(in_folder("empty.py"), NULL);
}

static void links_to_sources_are_followed(void **state)
{
	char target[PATH_MAX];

	(void)state;
	put("b.py", "y\n", 2, 0644);
	strcpy(target, in_folder("b.py"));
	assert_int_equal(symlink(target, in_folder("b-link.py")), 0);
	expect(in_folder("b-link.py"), "y\n");
}

/* What a process could not have read is no source of its, whoever asks: directories count, groups, and links do not. */
static void only_what_the_process_may_read(void **state)
{
	static const struct {
		const char *rights;
		mode_t directory, file;
		bool may;
	} cases[] = {
		{"0 0", 0700, 0600, true},
		{"65534 65534", 0755, 0644, true},
		{"65534 65534", 0755, 0640, false},
		{"65534 65534", 0711, 0644, true},
		{"65534 65534", 0750, 0644, false},
		{"65534 65534 1 77 3", 0750, 0640, true},
		{"65534 77", 0750, 0640, true},
		{"65534 65534 7 770", 0750, 0640, false},
		{"77 65534", 0750, 0640, false},
		{"66 65534", 0500, 0400, true},
		{"66 77", 0077, 0777, false}, /* the owner's bits are the owner's */
		{"66 77", 0777, 0077, false},
		{"65534 77", 0707, 0777, false},
		{"", 0755, 0644, true}, /* not known: what everybody may */
		{"", 0755, 0640, false},
		{"", 0710, 0644, false},
	};
	char link[PATH_MAX], target[PATH_MAX];

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(mkdir(in_folder("private"), 0755), 0);
	put("private/p.py", "p\n", 2, 0644);
	strcpy(target, in_folder("private/p.py"));
	strcpy(link, in_folder("to-private.py"));
	assert_int_equal(symlink(target, link), 0);
	assert_int_equal(chown(in_folder("private"), 66, 77), 0);
	assert_int_equal(chown(in_folder("private/p.py"), 66, 77), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct source_location where = {.own_root = true, .rights = cases[i].rights};

		assert_int_equal(chmod(in_folder("private"), cases[i].directory), 0);
		assert_int_equal(chmod(in_folder("private/p.py"), cases[i].file), 0);
		expect_of(&where, target, cases[i].may ? "p\n" : NULL);
		expect_of(&where, link, cases[i].may ? "p\n" : NULL);
		expect(target, "p\n");
	}
}

static uint64_t start_unix_ns(pid_t pid)
{
	struct timespec boot, now;
	uint64_t start;

	assert_int_equal(procfs_stat(pid, &start, NULL), 0);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	clock_gettime(CLOCK_REALTIME, &now);
	return start + (uint64_t)(now.tv_sec - boot.tv_sec) * 1000000000u + (uint64_t)(now.tv_nsec - boot.tv_nsec);
}

/* In another root: while that very process is there, and never in ours. */
static void another_root_is_its_process(void **state)
{
	struct source_location where = {0};
	struct source_file got;
	char path[PATH_MAX];
	int ready[2];
	char byte;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(mkdir(in_folder("root"), 0755), 0);
	assert_int_equal(mkdir(in_folder("root/srv"), 0755), 0);
	put("root/srv/app.py", "its\n", 4, 0644);
	assert_int_equal(symlink("/srv/app.py", in_folder("root/srv/link.py")), 0);
	assert_int_equal(symlink("../../../../srv/app.py", in_folder("root/srv/up.py")), 0);
	assert_int_equal(symlink("loop.py", in_folder("root/srv/loop.py")), 0);
	put("ours.py", "ours\n", 5, 0644);
	strcpy(path, in_folder("ours.py"));
	assert_int_equal(symlink(path, in_folder("root/srv/out.py")), 0);
	assert_int_equal(pipe(ready), 0);
	where.pid = fork();
	if (!where.pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (chroot(in_folder("root")) || chdir("/") || write(ready[1], "r", 1) != 1)
			_exit(1);
		pause();
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	where.start_unix_ns = start_unix_ns(where.pid);
	expect_of(&where, "/srv/app.py", "its\n");
	expect_of(&where, "/srv/link.py", "its\n");
	expect_of(&where, "/srv/up.py", "its\n");
	expect_of(&where, "/srv/../../srv//./app.py", "its\n");
	expect_of(&where, "/srv/out.py", NULL);
	expect_of(&where, "/srv/loop.py", NULL);
	expect_of(&where, path, NULL);
	where.start_unix_ns -= 10000000000; /* another one had this number */
	assert_int_equal(source_file__read(&where, "/srv/app.py", &got), -ESRCH);
	where.start_unix_ns += 10000000000;
	kill(where.pid, SIGKILL);
	waitpid(where.pid, NULL, 0);
	assert_true(source_file__read(&where, "/srv/app.py", &got) < 0);
	assert_true(source_file__read(&where, path, &got) < 0);
	close(ready[0]);
	close(ready[1]);
}

static uint64_t moved_ns(const char *path)
{
	struct source_file got;

	assert_int_equal(source_file__read(&(struct source_location){.own_root = true}, path, &got), 0);
	free(got.text);
	return got.moved_unix_ns;
}

/* A release that is put in another's place by turning a link: the file itself is as old as it was. */
static void a_turned_link_is_seen(void **state)
{
	__cleanup_free char *next = NULL;
	char path[PATH_MAX];
	uint64_t before;

	(void)state;
	assert_int_equal(mkdir(in_folder("release-1"), 0755), 0);
	assert_int_equal(mkdir(in_folder("release-2"), 0755), 0);
	put("release-1/r.py", "1\n", 2, 0644);
	put("release-2/r.py", "2\n", 2, 0644);
	assert_int_equal(symlink("release-1", in_folder("live")), 0);
	assert_int_equal(symlink("live", in_folder("current")), 0);
	strcpy(path, in_folder("current/r.py"));
	expect(path, "1\n");
	usleep(20000); /* the kernel's time of files has steps */
	assert_int_equal(symlink("release-2", in_folder("next")), 0);
	before = moved_ns(path);
	next = xstrdup(in_folder("next"));
	assert_int_equal(rename(next, in_folder("live")), 0);
	expect(path, "2\n");
	assert_true(moved_ns(path) > before);
}

static bool can_read(const char *name)
{
	struct source_file got = {0};
	int err = source_file__read(&(struct source_location){.own_root = true}, in_folder(name), &got);

	free(got.text);
	return !err;
}

/* Under sudo: only what the user may read who typed it. */
static void sudo_reads_as_its_user(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	put("open.py", "o\n", 2, 0644);
	put("closed.py", "c\n", 2, 0600);
	expect(in_folder("closed.py"), "c\n");
	pid = fork(); /* whose worker has the environment of that moment */
	if (!pid) {
		setenv("SUDO_UID", "65534", 1);
		setenv("SUDO_GID", "65534", 1);
		_exit((can_read("closed.py") ? 1 : 0) | (can_read("open.py") ? 0 : 2) | (geteuid() ? 4 : 0));
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(python_sources_are_read),        cmocka_unit_test(other_files_are_not),
		cmocka_unit_test(links_to_sources_are_followed),  cmocka_unit_test(sudo_reads_as_its_user),
		cmocka_unit_test(only_what_the_process_may_read), cmocka_unit_test(another_root_is_its_process),
		cmocka_unit_test(a_turned_link_is_seen),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
