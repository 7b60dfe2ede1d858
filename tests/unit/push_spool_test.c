/* SPDX-License-Identifier: MIT */
/* The spool: what is on the disk when, what is found of a former run, what makes room. Faults of disks: tests/live. */
#include "user/push/spool.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>
#include "tests/unit/temp_folder.h"

static char *where; /* of each test */
static unsigned number;

static int begin(void **state)
{
	(void)state;
	where = xasprintf("%s/spool-%u", folder, number++);
	log_capture();
	return 0;
}

static int end(void **state)
{
	(void)state;
	free(log_capture_end());
	free(where);
	return 0;
}

static struct push_spool *open_spool(uint64_t max_bytes, struct push_count *lost)
{
	struct push_spool *s = NULL;

	*lost = (struct push_count){0};
	assert_int_equal(push_spool__open(where, "name", max_bytes, &s, lost), 0);
	return s;
}

static void put(struct push_spool *s, const char *text, uint64_t unix_ns, uint64_t samples, struct push_count *lost)
{
	struct buf bytes = {0};
	struct push_body *b;

	buf_puts(&bytes, text);
	b = push_body__new(&bytes, samples);
	b->unix_ns = unix_ns;
	b->is_gzip = *text == 'z';
	assert_int_equal(push_spool__put(s, b, lost), 0);
	push_body__free(b);
}

static void assert_count(struct push_spool *s, uint64_t bodies, uint64_t samples, uint64_t bytes)
{
	struct push_count c;

	push_spool__count(s, &c);
	assert_int_equal(c.bodies, bodies);
	assert_int_equal(c.samples, samples);
	assert_int_equal(c.bytes, bytes);
}

static void assert_next(struct push_spool *s, const char *text, uint64_t unix_ns)
{
	struct push_count lost = {0};
	struct push_body *b = push_spool__take(s, &lost);

	assert_non_null(b);
	assert_int_equal(b->bytes.len, strlen(text));
	assert_memory_equal(b->bytes.data, text, strlen(text));
	assert_int_equal(b->unix_ns, unix_ns);
	assert_int_equal(b->is_gzip, *text == 'z');
	assert_int_equal(lost.bodies, 0);
	push_spool__done(s, b);
}

/* How many files are there, hidden ones too. */
static unsigned file_cnt(void)
{
	__cleanup_free char *path = xasprintf("%s/name", where);
	DIR *dir = opendir(path);
	unsigned cnt = 0;

	assert_non_null(dir);
	while (readdir(dir))
		cnt++;
	closedir(dir);
	return cnt - 2;
}

static void make_file(const char *name, const char *text)
{
	__cleanup_free char *path = xasprintf("%s/name/%s", where, name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void test_by_time_of_making(void **state)
{
	struct push_count lost;
	struct push_spool *s = open_spool(1000, &lost);

	(void)state;
	put(s, "second", 2000, 10, &lost);
	put(s, "zipped third", 3000, 100, &lost);
	put(s, "first", 1000, 1, &lost); /* was being sent when the others found no room */
	assert_int_equal(file_cnt(), 3);
	assert_count(s, 3, 111, 23);
	assert_next(s, "first", 1000);
	assert_next(s, "second", 2000);
	assert_next(s, "zipped third", 3000);
	assert_null(push_spool__take(s, &lost));
	assert_int_equal(file_cnt(), 0);
	assert_int_equal(lost.bodies, 0);
	push_spool__free(s);
	push_spool__free(NULL);
}

static void test_put_back(void **state)
{
	struct push_count lost;
	struct push_spool *s = open_spool(1000, &lost);
	struct push_body *b;

	(void)state;
	put(s, "first", 1000, 1, &lost);
	put(s, "second", 2000, 1, &lost);
	b = push_spool__take(s, &lost);
	b->tries = 2;
	push_spool__put_back(s, b);
	b = push_spool__take(s, &lost);
	assert_int_equal(b->unix_ns, 1000);
	assert_int_equal(b->tries, 2);
	assert_count(s, 2, 2, 11); /* it is there until it is done */
	push_spool__done(s, b);
	assert_count(s, 1, 1, 6);
	push_spool__free(s);
}

static void test_the_next_run_finds_them(void **state)
{
	struct push_count lost;
	struct push_spool *s = open_spool(1000, &lost);

	(void)state;
	put(s, "first", 0x1234567890abcdefull, 1, &lost);
	put(s, "zipped second", UINT64_MAX - 5, UINT64_MAX / 2, &lost);
	push_spool__free(s);
	s = open_spool(1000, &lost);
	assert_count(s, 2, 1 + UINT64_MAX / 2, 18);
	assert_int_equal(lost.bodies, 0);
	assert_next(s, "first", 0x1234567890abcdefull);
	assert_next(s, "zipped second", UINT64_MAX - 5);
	push_spool__free(s);
}

static void test_the_oldest_make_room(void **state)
{
	struct push_count lost;
	struct push_spool *s = open_spool(20, &lost);

	(void)state;
	put(s, "0123456789", 1, 1, &lost);
	put(s, "abcdefghij", 2, 2, &lost);
	assert_int_equal(lost.bodies, 0);
	put(s, "ABCDE", 3, 4, &lost);
	assert_int_equal(lost.bodies, 1);
	assert_int_equal(lost.samples, 1);
	assert_int_equal(lost.bytes, 10);
	put(s, "01234567890123456789", 4, 8, &lost);
	assert_int_equal(lost.bodies, 3);
	assert_int_equal(lost.samples, 7);
	assert_int_equal(file_cnt(), 1);
	assert_count(s, 1, 8, 20);
	push_spool__free(s);
	/* There is less room the next time. */
	s = open_spool(19, &lost);
	assert_int_equal(lost.bodies, 1);
	assert_int_equal(lost.samples, 8);
	assert_int_equal(file_cnt(), 0);
	push_spool__free(s);
}

static void test_what_is_being_sent_stays(void **state)
{
	struct push_count lost;
	struct push_spool *s = open_spool(20, &lost);
	struct push_body *b;

	(void)state;
	put(s, "0123456789", 1, 1, &lost);
	put(s, "abcdefghij", 2, 2, &lost);
	b = push_spool__take(s, &lost);
	put(s, "ABCDEFGHIJ", 3, 4, &lost);
	assert_int_equal(lost.samples, 2); /* the second */
	assert_count(s, 2, 5, 20);
	push_spool__done(s, b);
	assert_next(s, "ABCDEFGHIJ", 3);
	push_spool__free(s);
}

static void test_too_large(void **state)
{
	struct push_count lost;
	struct push_spool *s = open_spool(5, &lost);
	struct buf bytes = {0};
	struct push_body *b;

	(void)state;
	put(s, "small", 1, 1, &lost);
	buf_puts(&bytes, "larger");
	b = push_body__new(&bytes, 1);
	assert_int_equal(push_spool__put(s, b, &lost), -EFBIG);
	assert_int_equal(lost.bodies, 0); /* nothing else had to go for it */
	assert_count(s, 1, 1, 5);
	push_body__free(b);
	push_spool__free(s);
}

static void test_names_of_others(void **state)
{
	static const char *const names[] = {
		"0000000000000001-00000000-1.gz.bak", "1-0-1.gz",
		"0000000000000001-00000000-01.gz",    "0000000000000001-00000000--1.gz",
		"0000000000000001-00000000-1.zip",    "000000000000000G-00000000-1.gz",
		"0000000000000001-00000000-1",        "x",
		"000000000000000A-00000000-1.gz", /* ours are small letters */
	};
	struct push_count lost;
	struct push_spool *s = open_spool(1000, &lost);

	(void)state;
	push_spool__free(s);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		make_file(names[i], "not ours");
	s = open_spool(1000, &lost);
	assert_count(s, 0, 0, 0);
	assert_int_equal(lost.bodies, 0);
	assert_null(push_spool__take(s, &lost));
	assert_int_equal(file_cnt(), ARRAY_SIZE(names));
	push_spool__free(s);
}

static void test_half_written(void **state)
{
	struct push_count lost;
	struct push_spool *s = open_spool(1000, &lost);

	(void)state;
	push_spool__free(s);
	make_file(".0000000000000001-00000007-12.gz", "the beginn");
	make_file("0000000000000002-00000007-20.gz", ""); /* the disk was full, or lost its power */
	s = open_spool(1000, &lost);
	assert_int_equal(lost.bodies, 2);
	assert_int_equal(lost.samples, 32);
	assert_count(s, 0, 0, 0);
	assert_int_equal(file_cnt(), 0);
	push_spool__free(s);
}

static void test_a_file_that_changed(void **state)
{
	struct push_count lost;
	struct push_spool *s = open_spool(1000, &lost);
	struct push_body *b;

	(void)state;
	put(s, "first", 1, 3, &lost);
	put(s, "second", 2, 5, &lost);
	make_file("0000000000000001-00000000-3.raw", "first and more");
	b = push_spool__take(s, &lost);
	assert_int_equal(b->unix_ns, 2);
	assert_int_equal(lost.bodies, 1);
	assert_int_equal(lost.samples, 3);
	push_spool__done(s, b);
	assert_int_equal(file_cnt(), 0);
	push_spool__free(s);
}

static void test_one_at_a_time(void **state)
{
	struct push_count lost;
	struct push_spool *s = open_spool(1000, &lost), *other = NULL;
	__cleanup_free char *said = NULL;

	(void)state;
	assert_int_equal(push_spool__open(where, "name", 1000, &other, &lost), -EBUSY);
	assert_int_equal(push_spool__open(where, "another", 1000, &other, &lost), 0);
	push_spool__free(other);
	push_spool__free(s);
	s = open_spool(1000, &lost);
	push_spool__free(s);
	said = log_capture_end();
	log_capture();
	assert_non_null(strstr(said, "is in use"));
}

static void test_rights(void **state)
{
	struct push_count lost;
	struct push_spool *s = open_spool(1000, &lost);
	__cleanup_free char *path = xasprintf("%s/name/0000000000000001-00000000-1.raw", where);
	struct stat st;

	(void)state;
	put(s, "x", 1, 1, &lost);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(where, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	push_spool__free(s);
	assert_int_equal(chmod(where, 0770), 0);
	assert_int_equal(push_spool__open(where, "name", 1000, &s, &lost), -EPERM);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(test_by_time_of_making),
		TEST(test_put_back),
		TEST(test_the_next_run_finds_them),
		TEST(test_the_oldest_make_room),
		TEST(test_what_is_being_sent_stays),
		TEST(test_too_large),
		TEST(test_names_of_others),
		TEST(test_half_written),
		TEST(test_a_file_that_changed),
		TEST(test_one_at_a_time),
		TEST(test_rights),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
