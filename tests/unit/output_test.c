/* SPDX-License-Identifier: MIT */
/* Files that appear whole or not at all, in a directory of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "user/os/output.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534

static char dir[] = "/tmp/output_test.XXXXXX";

static int enter(void **state)
{
	(void)state;
	log_set_level(LOG_ERROR);
	return mkdtemp(dir) && !chdir(dir) ? 0 : -1;
}

static int leave(void **state)
{
	(void)state;
	return chdir("/") || rmdir(dir);
}

/* How many files are here, hidden ones too. */
static int file_cnt(void)
{
	DIR *d = opendir(".");
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	fputs(text, f);
	fclose(f);
}

static void assert_content(const char *path, const char *want)
{
	char got[64] = {0};
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	assert_true(fread(got, 1, sizeof(got) - 1, f) < sizeof(got) - 1);
	fclose(f);
	assert_string_equal(got, want);
}

static void a_file_appears_at_the_end(void **state)
{
	struct output *o = output__open("x.svg");
	struct stat st;

	(void)state;
	umask(0);
	assert_non_null(o);
	fputs("hello", output__stream(o));
	fflush(output__stream(o));
	assert_int_equal(access("x.svg", F_OK), -1);
	assert_int_equal(file_cnt(), 1);
	assert_int_equal(output__commit(o), 0);
	assert_content("x.svg", "hello");
	assert_int_equal(stat("x.svg", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(file_cnt(), 1);
	remove("x.svg");
}

static void others_may_read_what_is_shared(void **state)
{
	static const struct {
		mode_t mask, mode;
	} cases[] = {{0, 0644}, {022, 0644}, {027, 0640}, {077, 0600}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct output *o = output__open("x.svg");
		struct stat st;

		umask(cases[i].mask);
		assert_non_null(o);
		output__share(o);
		assert_int_equal(fstat(fileno(output__stream(o)), &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600); /* not before it is whole */
		assert_int_equal(output__commit(o), 0);
		assert_int_equal(stat("x.svg", &st), 0);
		assert_int_equal(st.st_mode & 07777, cases[i].mode);
		assert_int_equal(umask(0), cases[i].mask);
		remove("x.svg");
	}
}

static void an_older_file_stays_until_then(void **state)
{
	struct output *o;

	(void)state;
	put("x.svg", "old");
	o = output__open("x.svg");
	fputs("new", output__stream(o));
	fflush(output__stream(o));
	assert_content("x.svg", "old");
	output__abort(o);
	assert_content("x.svg", "old");
	assert_int_equal(file_cnt(), 1);
	o = output__open("./x.svg");
	fputs("new", output__stream(o));
	assert_int_equal(output__commit(o), 0);
	assert_content("x.svg", "new");
	remove("x.svg");
	output__abort(NULL);
}

/* The link goes, what it pointed to stays as it was. */
static void links_are_not_followed(void **state)
{
	struct output *o;
	struct stat st;

	(void)state;
	put("secret", "secret");
	assert_int_equal(symlink("secret", "x.svg"), 0);
	assert_int_equal(output__check("x.svg"), 0);
	o = output__open("x.svg");
	fputs("new", output__stream(o));
	assert_int_equal(output__commit(o), 0);
	assert_content("secret", "secret");
	assert_int_equal(lstat("x.svg", &st), 0);
	assert_true(S_ISREG(st.st_mode));
	remove("x.svg");
	remove("secret");
}

static void what_cannot_be_written_is_refused(void **state)
{
	char name[300];

	(void)state;
	mkdir("sub", 0700);
	mkfifo("fifo", 0600);
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = 0;
	assert_int_equal(output__check("sub"), -EISDIR);
	assert_int_equal(output__check("sub/"), -EISDIR);
	assert_int_equal(output__check(""), -EISDIR);
	assert_int_equal(output__check(".."), -EISDIR);
	assert_int_equal(output__check("fifo"), -ENOTSUP);
	assert_int_equal(output__check("/dev/null"), -ENOTSUP);
	assert_int_equal(output__check("nowhere/x.svg"), -ENOENT);
	assert_int_equal(output__check("fifo/x.svg"), -ENOTDIR);
	assert_int_equal(output__check("/proc/x.svg"), -ENOENT); /* no file can be made there */
	assert_int_equal(output__check(name), -ENAMETOOLONG);
	assert_null(output__open("sub"));
	assert_null(output__open("fifo"));
	assert_null(output__open("nowhere/x.svg"));
	log_set_level(LOG_ERROR);
	assert_int_equal(output__check("-"), 0);
	assert_int_equal(output__check("x.svg"), 0);
	assert_int_equal(output__check("sub/x.svg"), 0);
	name[255] = 0;
	assert_int_equal(output__check(name), 0);
	assert_int_equal(file_cnt(), 2);
	rmdir("sub");
	remove("fifo");
}

/* Runs `body` in a child, which a limit or another user must not outlive. */
static int in_child(int (*body)(void))
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(body());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static int check_as_nobody(void)
{
	if (setgid(NOBODY) || setuid(NOBODY))
		return 99;
	return -output__check("x.svg");
}

static void a_closed_directory_is_refused(void **state)
{
	(void)state;
	if (geteuid())
		skip();
	chmod(".", 0755);
	assert_int_equal(in_child(check_as_nobody), EACCES);
	chmod(".", 0777);
	assert_int_equal(in_child(check_as_nobody), 0);
	chmod(".", 0700);
	assert_int_equal(file_cnt(), 0);
}

static int write_with_limit(void)
{
	struct rlimit limit = {1000, 1000};
	struct output *o = output__open("x.svg");

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	for (int i = 0; i < 100000; i++)
		fputs("0123456789", output__stream(o));
	return -output__commit(o);
}

/* And what is said is why, not that the stream knows of an error. */
static void a_full_disk_leaves_nothing(void **state)
{
	(void)state;
	put("x.svg", "old");
	assert_int_equal(in_child(write_with_limit), EFBIG);
	assert_content("x.svg", "old");
	assert_int_equal(file_cnt(), 1);
	remove("x.svg");
}

/* As /dev/stdout and its like are: replaced, they would be gone for everybody. */
static void links_to_descriptors_stay(void **state)
{
	struct stat st;

	(void)state;
	assert_true(output__is_stdout("-"));
	assert_true(output__is_stdout("/dev/stdout"));
	assert_false(output__is_stdout("stdout"));
	put("file", "old");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(symlink(i ? "/proc/self/fd/2" : "/dev/null", "x.svg"), 0);
		assert_int_not_equal(output__check("x.svg"), 0);
		assert_null(output__open("x.svg"));
		assert_int_equal(lstat("x.svg", &st), 0);
		assert_true(S_ISLNK(st.st_mode));
		remove("x.svg");
	}
	assert_int_equal(symlink("file", "x.svg"), 0);
	assert_int_equal(output__check("x.svg"), 0);
	remove("x.svg");
	remove("file");
}

static void one_file_has_many_names(void **state)
{
	char *here = realpath(".", NULL), path[PATH_MAX];

	(void)state;
	snprintf(path, sizeof(path), "%s/x.svg", here);
	assert_true(output__is_same("x.svg", "x.svg"));
	assert_true(output__is_same("x.svg", "./x.svg"));
	assert_true(output__is_same(path, ".//x.svg"));
	assert_true(output__is_same("-", "/dev/fd/1"));
	assert_false(output__is_same("x.svg", "y.svg"));
	assert_false(output__is_same("x.svg", "../x.svg"));
	assert_false(output__is_same("-", "./-"));
	assert_false(output__is_same("nowhere/x.svg", "x.svg"));
	free(here);
}

/* The folder may be removed while a recording is streamed into it. */
static void what_was_written_can_be_read_without_its_name(void **state)
{
	struct output *o = output__open_lasting("x.svg", ".pybpf");
	char *temp = output__temp_path(o), *path = output__read_path(o);

	(void)state;
	assert_string_equal(path, temp);
	fputs("kept", output__stream(o));
	fflush(output__stream(o));
	remove(temp);
	assert_false(output__is_in_place(o));
	free(path);
	path = output__read_path(o);
	assert_content(path, "kept");
	put(temp, "somebody else's");
	assert_false(output__is_in_place(o));
	remove(temp);
	output__abort(o);
	free(path);
	free(temp);
}

static struct stat written_under_sudo(const char *uid, const char *gid)
{
	struct output *o;
	struct stat st;

	setenv("SUDO_UID", uid, 1);
	gid ? setenv("SUDO_GID", gid, 1) : unsetenv("SUDO_GID");
	o = output__open("x.svg");
	assert_int_equal(output__commit(o), 0);
	assert_int_equal(stat("x.svg", &st), 0);
	remove("x.svg");
	unsetenv("SUDO_UID");
	unsetenv("SUDO_GID");
	return st;
}

static void under_sudo_it_is_the_users(void **state)
{
	(void)state;
	if (geteuid())
		skip();
	assert_int_equal(chmod(".", 0777), 0);
	assert_int_equal(written_under_sudo("1234", "5678").st_uid, 1234);
	assert_int_equal(written_under_sudo("1234", "5678").st_gid, 5678);
	assert_int_equal(written_under_sudo("1234", NULL).st_gid, getegid());
	assert_int_equal(written_under_sudo("x", "1").st_uid, 0);
	assert_int_equal(written_under_sudo("-1", "1").st_uid, 0);
	assert_int_equal(written_under_sudo("4294967295", "1").st_uid, 0);
	assert_int_equal(written_under_sudo("99999999999999999999", "1").st_uid, 0);
	assert_int_equal(chmod(".", 0700), 0);
}

/* A rule of sudo's for this program must not be a way to root's files. */
static void under_sudo_only_what_the_user_may(void **state)
{
	static const mode_t modes[] = {0700, 0755, 0775, 01777}; /* of a directory of root's, with its group's rights */
	struct stat before, after;

	(void)state;
	if (geteuid())
		skip();
	put("roots", "precious");
	assert_int_equal(stat("roots", &before), 0);
	setenv("SUDO_UID", "1234", 1);
	setenv("SUDO_GID", "5678", 1);
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		struct output *o;

		assert_int_equal(chmod(".", modes[i]), 0);
		o = output__open("roots");
		if (o)
			assert_int_not_equal(output__commit(o), 0);
		assert_int_equal(stat("roots", &after), 0);
		assert_int_equal(after.st_ino, before.st_ino);
		assert_int_equal(after.st_uid, 0);
	}
	assert_int_equal(chmod(".", 0700), 0);
	unsetenv("SUDO_UID");
	unsetenv("SUDO_GID");
	remove("roots");
}

static int write_without_reader(void)
{
	struct output *o;
	int ends[2];

	if (pipe(ends))
		return 98;
	dup2(ends[1], STDOUT_FILENO);
	close(ends[0]);
	close(ends[1]);
	o = output__open("-");
	for (int i = 0; i < 100000; i++)
		fputs("0123456789", output__stream(o));
	return -output__commit(o);
}

static int write_with_reader(void)
{
	char got[8] = {0};
	struct output *o;
	int ends[2];

	if (pipe(ends))
		return 98;
	dup2(ends[1], STDOUT_FILENO);
	o = output__open("-");
	fputs("hello", output__stream(o));
	if (output__commit(o))
		return 97;
	return read(ends[0], got, sizeof(got)) != 5 || strcmp(got, "hello");
}

static void standard_output_is_a_pipe(void **state)
{
	(void)state;
	fflush(stdout);
	assert_int_equal(in_child(write_without_reader), EPIPE);
	assert_int_equal(in_child(write_with_reader), 0);
}

static void a_signal_can_remove_everything(void **state)
{
	struct output *a = output__open("a"), *b = output__open("b"), *c = output__open("c");

	(void)state;
	assert_int_equal(output__commit(b), 0);
	assert_int_equal(file_cnt(), 3);
	output__remove_all();
	assert_int_equal(file_cnt(), 1);
	output__abort(a);
	output__abort(c);
	output__remove_all();
	remove("b");
}

/* What is of use before it is finished: found by its suffix, never removed by a signal. */
static void a_lasting_file_can_be_left(void **state)
{
	struct output *o = output__open_lasting("./x.svg", ".pybpf");
	__cleanup_free char *temp = output__temp_path(o);

	(void)state;
	assert_true(!strncmp(temp, "./x.svg.", 8) && strstr(temp, ".pybpf"));
	fputs("part", output__stream(o));
	fflush(output__stream(o));
	output__remove_all();
	assert_content(temp, "part");
	output__leave(o);
	assert_content(temp, "part");
	assert_int_equal(file_cnt(), 1);
	remove(temp);
	o = output__open_lasting("x.svg", ".pybpf");
	assert_int_equal(output__commit(o), 0);
	assert_int_equal(file_cnt(), 1);
	remove("x.svg");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_appears_at_the_end),
		cmocka_unit_test(others_may_read_what_is_shared),
		cmocka_unit_test(an_older_file_stays_until_then),
		cmocka_unit_test(links_are_not_followed),
		cmocka_unit_test(what_cannot_be_written_is_refused),
		cmocka_unit_test(a_closed_directory_is_refused),
		cmocka_unit_test(a_full_disk_leaves_nothing),
		cmocka_unit_test(links_to_descriptors_stay),
		cmocka_unit_test(one_file_has_many_names),
		cmocka_unit_test(what_was_written_can_be_read_without_its_name),
		cmocka_unit_test(under_sudo_it_is_the_users),
		cmocka_unit_test(under_sudo_only_what_the_user_may),
		cmocka_unit_test(standard_output_is_a_pipe),
		cmocka_unit_test(a_signal_can_remove_everything),
		cmocka_unit_test(a_lasting_file_can_be_left),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
