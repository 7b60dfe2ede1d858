/* SPDX-License-Identifier: MIT */
/* Maps as makers of code write them, piece by piece; one of our own, under the name that others would give it. */
#include "user/symbol/perf_map.h"
#include "user/util/alloc.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void check(struct perf_map *m, uint64_t addr, const char *name, uint64_t start)
{
	uint64_t at = 0;
	const char *found = perf_map__find(m, addr, &at);

	if (!name) {
		assert_null(found);
		return;
	}
	assert_non_null(found);
	assert_string_equal(found, name);
	assert_int_equal(at, start);
}

static void put(struct perf_map *m, const char *text)
{
	perf_map__parse(m, text, strlen(text));
}

static void test_lines(void **state)
{
	struct perf_map *m = perf_map__new(1);

	(void)state;
	check(m, 0x1000, NULL, 0);
	put(m, "1000 10 first one\n0x2000 0x20 with prefix\n3000 0 empty\n4000");
	check(m, 0x1000, "first one", 0x1000);
	check(m, 0x100f, "first one", 0x1000);
	check(m, 0x1010, NULL, 0);
	check(m, 0x2010, "with prefix", 0x2000);
	check(m, 0x3000, NULL, 0);
	check(m, 0x4000, NULL, 0);
	put(m, " 10 in two");
	check(m, 0x4000, NULL, 0);
	put(m, " pieces\nbad\n 5000\n6000 zz q\n7000 10\nffffffffffffffff 10 wraps\n");
	check(m, 0x4000, "in two pieces", 0x4000);
	check(m, 0x7000, NULL, 0);
	check(m, UINT64_MAX, NULL, 0);
	perf_map__free(m);
}

/* Memory is used again: what was written last is there now. */
static void test_replaced(void **state)
{
	struct perf_map *m = perf_map__new(1);

	(void)state;
	put(m, "1000 1000 old\n1100 10 small\n5000 10 b\n");
	check(m, 0x1105, "small", 0x1100);
	check(m, 0x1fff, "old", 0x1000);
	put(m, "1000 200 new\n5000 10 c\n");
	check(m, 0x1105, "new", 0x1000);
	check(m, 0x1fff, "old", 0x1000);
	check(m, 0x5001, "c", 0x5000);
	perf_map__free(m);
}

static void test_absurd(void **state)
{
	struct perf_map *m = perf_map__new(1);
	__cleanup_free char *long_line = xmalloc(1 << 20);

	(void)state;
	memset(long_line, 'x', 1 << 20);
	perf_map__parse(m, long_line, 1 << 20);
	put(m, "\n1000 10 after\n");
	check(m, 0x1000, "after", 0x1000);
	assert_true(perf_map__bytes(m) < 4 << 20);
	for (int i = 0; i < 20000; i++)
		put(m, "0 ffffffffffff everywhere\n");
	check(m, 0x123456, "everywhere", 0);
	perf_map__free(m);
}

static void test_file(void **state)
{
	struct perf_map *m = perf_map__new(getpid());
	char path[64];
	FILE *f;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
	unlink(path);
	perf_map__refresh(m);
	f = fopen(path, "we");
	assert_non_null(f);
	fputs("1000 10 one\n", f);
	fflush(f);
	perf_map__refresh(m);
	check(m, 0x1000, "one", 0x1000);
	fputs("2000 10 two\n", f);
	fflush(f);
	check(m, 0x2000, NULL, 0);
	perf_map__refresh(m);
	check(m, 0x1000, "one", 0x1000);
	check(m, 0x2000, "two", 0x2000);
	fclose(f);
	/* another file in its place */
	unlink(path);
	f = fopen(path, "we");
	fputs("3000 10 three\n", f);
	fclose(f);
	perf_map__refresh(m);
	check(m, 0x3000, "three", 0x3000);
	if (!getuid()) {
		check(m, 0x1000, NULL, 0);
		assert_int_equal(chown(path, 4711, 4711), 0);
		perf_map__free(m);
		m = perf_map__new(getpid());
		perf_map__refresh(m);
		check(m, 0x3000, NULL, 0); /* somebody else's */
	}
	unlink(path);
	perf_map__free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_absurd),
		cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests_name("perf_map", tests, NULL, NULL);
}
