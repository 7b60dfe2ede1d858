/* Which files are read as sources: what profiled processes name may be any file of the machine. */
#include "user/os/source_file.h"
#include "user/util/alloc.h"
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

static char folder[] = "/tmp/source-file-XXXXXX";

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

static void expect(const char *path, const char *wanted)
{
	uint64_t changed = 0;
	__cleanup_free char *text = source_file__read(path, &changed);

	if (wanted)
		assert_string_equal(text, wanted);
	else
		assert_null(text);
}

static void python_sources_are_read(void **state)
{
	struct stat st;
	uint64_t changed = 0;
	char *text;

	(void)state;
	put("a.py", "x = 1\n", 6, 0644);
	assert_int_equal(stat(in_folder("a.py"), &st), 0);
	text = source_file__read(in_folder("a.py"), &changed);
	assert_string_equal(text, "x = 1\n");
	assert_int_equal(changed / 1000000000, st.st_mtim.tv_sec);
	free(text);
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

/* Under sudo: only what the user may read who typed it. */
static void sudo_reads_as_its_user(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	put("open.py", "o\n", 2, 0644);
	put("closed.py", "c\n", 2, 0600);
	expect(in_folder("closed.py"), "c\n");
	setenv("SUDO_UID", "65534", 1);
	setenv("SUDO_GID", "65534", 1);
	expect(in_folder("closed.py"), NULL);
	expect(in_folder("open.py"), "o\n");
	unsetenv("SUDO_UID");
	unsetenv("SUDO_GID");
	expect(in_folder("closed.py"), "c\n"); /* root again */
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) && !chmod(folder, 0755) ? 0 : -1;
}

static int remove_folder(void **state)
{
	__cleanup_free char *command = xasprintf("rm -rf '%s'", folder);

	(void)state;
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(python_sources_are_read),
		cmocka_unit_test(other_files_are_not),
		cmocka_unit_test(links_to_sources_are_followed),
		cmocka_unit_test(sudo_reads_as_its_user),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
