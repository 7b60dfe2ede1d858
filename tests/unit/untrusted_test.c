/* SPDX-License-Identifier: MIT */
/* Names that a profiled process made up: what is opened, in whose root, and what is not even touched. */
#include "tests/unit/temp_folder.h"
#include "user/os/procfs.h"
#include "user/os/untrusted.h"
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
#include <sys/inotify.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <cmocka.h>

static char *in_folder(const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void put(const char *name, const char *text)
{
	__cleanup_close int fd = open(in_folder(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void expect_text(int opened, const char *wanted)
{
	__cleanup_close int fd = opened;
	char text[64] = "";

	assert_true(fd >= 0);
	assert_true(read(fd, text, sizeof(text) - 1) >= 0);
	assert_string_equal(text, wanted);
}

static void regular_files_are_opened(void **state)
{
	__cleanup_free char *link = xstrdup(in_folder("link"));

	(void)state;
	put("a", "text");
	assert_int_equal(symlink("a", link), 0);
	expect_text(open_untrusted(0, link, 4), "text");
	assert_int_equal(open_untrusted(0, in_folder("a"), 3), -EFBIG);
	assert_int_equal(open_untrusted(0, in_folder("none"), 4), -ENOENT);
	assert_true(has_untrusted(0, in_folder("a")));
	assert_false(has_untrusted(0, in_folder("none")));
}

static void other_files_are_not_even_touched(void **state)
{
	__cleanup_close int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	char event[sizeof(struct inotify_event) + NAME_MAX + 1];

	(void)state;
	assert_int_equal(mkfifo(in_folder("fifo"), 0644), 0);
	assert_int_equal(mkdir(in_folder("dir"), 0755), 0);
	if (geteuid() == 0)
		assert_int_equal(mknod(in_folder("device"), S_IFCHR | 0644, makedev(1, 3)), 0);
	assert_true(inotify_add_watch(watch, folder, IN_OPEN) >= 0);
	assert_int_equal(open_untrusted(0, in_folder("fifo"), 4), -ENOTSUP);
	assert_int_equal(open_untrusted(0, in_folder("dir"), 4), -ENOTSUP);
	if (geteuid() == 0)
		assert_int_equal(open_untrusted(0, in_folder("device"), 4), -ENOTSUP);
	assert_int_equal(read(watch, event, sizeof(event)), -1);
	expect_text(open_untrusted(0, in_folder("a"), 4), "text"); /* the watch does see what is opened */
	assert_true(read(watch, event, sizeof(event)) > 0);
}

static void links_of_proc_lead_nowhere(void **state)
{
	__cleanup_close int secret = open(in_folder("a"), O_RDONLY | O_CLOEXEC);
	__cleanup_free char *path = xasprintf("/proc/%d/fd/%d", getpid(), secret);
	struct stat st;

	(void)state;
	assert_int_equal(open_untrusted(0, path, 4), -ELOOP);
	assert_int_equal(stat_untrusted_link(getpid(), "exe", &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(open_untrusted_link(getpid(), "exe", 10), -EFBIG);
	assert_int_equal(open_untrusted_link(getpid(), "cwd", UNTRUSTED_ELF_MAX), -ENOTSUP);
}

/* A process in a root of its own: its links, absolute ones too, stay there. */
static void the_process_has_its_own_root(void **state)
{
	struct stat st;
	int ready[2];
	char byte;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(mkdir(in_folder("root"), 0755), 0);
	put("root/a", "its");
	put("root/only", "its only");
	assert_int_equal(symlink("/a", in_folder("root/link")), 0);
	assert_int_equal(symlink("../../../../a", in_folder("root/up")), 0);
	assert_int_equal(symlink("/etc/passwd", in_folder("root/passwd")), 0);
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (!pid) {
		if (chroot(in_folder("root")) || chdir("/") || write(ready[1], "r", 1) != 1)
			_exit(1);
		pause();
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	expect_text(open_untrusted(pid, "/link", 64), "its");
	expect_text(open_untrusted(pid, "/up", 64), "its");
	expect_text(open_untrusted(pid, "only", 64), "its only");
	assert_int_equal(open_untrusted(pid, "/passwd", 1 << 20), -ENOENT);
	assert_int_equal(open_untrusted(pid, "/etc/passwd", 1 << 20), -ENOENT);
	assert_true(has_untrusted(pid, "only"));
	assert_false(has_untrusted(pid, "../a"));
	assert_int_equal(stat(in_folder("root/a"), &st), 0);
	expect_text(procfs_open_by_path(pid, in_folder("root/a"), st.st_ino), "its"); /* as /proc/PID/maps has it */
	expect_text(procfs_open_by_path(pid, "/a", st.st_ino), "its");
	assert_int_equal(procfs_open_by_path(pid, in_folder("a"), st.st_ino), -ENOENT);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_true(open_untrusted(pid, "/a", 64) < 0);
	close(ready[0]);
	close(ready[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(regular_files_are_opened),
		cmocka_unit_test(other_files_are_not_even_touched),
		cmocka_unit_test(links_of_proc_lead_nowhere),
		cmocka_unit_test(the_process_has_its_own_root),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
