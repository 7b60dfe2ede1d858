/* SPDX-License-Identifier: MIT */
/* Cgroups that are gone when somebody asks where a process was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "user/target/containers.h"
#include "user/util/alloc.h"
#include <stdio.h>

#define NOBODY   ((pid_t)0x7ffffffe) /* above PID_MAX_LIMIT of include/linux/threads.h */
#define FIRST_ID 0x7000000000000001u /* of no cgroup here */
#define ID       "3f2a91c04bd27e5f60718293a4b5c6d7e8f90123456789abcdef0123456789ab"

static char *path_of(struct containers *c, uint64_t id, const struct container **k)
{
	char *path;

	*k = containers__of_process(c, id, NOBODY, &path);
	return path;
}

static void one_that_is_gone_is_called_as_it_was(void **state)
{
	struct containers *c = containers__new("/nowhere");
	const struct container *k;

	(void)state;
	containers__made(c, FIRST_ID, "/system.slice/docker-" ID ".scope");
	__cleanup_free char *path = path_of(c, FIRST_ID, &k), *other = path_of(c, FIRST_ID + 1, &k);
	assert_string_equal(path, "/system.slice/docker-" ID ".scope");
	assert_string_equal(other, "");
	assert_null(k);
	free(path_of(c, FIRST_ID, &k));
	assert_non_null(k);
	assert_string_equal(k->runtime, "docker");
	assert_string_equal(k->id, ID);
	containers__free(c);
}

/* The oldest go, and one that is told of twice is once there. */
static void they_are_bounded(void **state)
{
	struct containers *c = containers__new("/nowhere");
	const struct container *k;
	unsigned kept = 0;

	(void)state;
	for (uint64_t i = 0; i < 6000; i++) {
		__cleanup_free char *path = xasprintf("/made/%u", (unsigned)i);

		containers__made(c, FIRST_ID + i, path);
		containers__made(c, FIRST_ID + i, path);
	}
	for (uint64_t i = 0; i < 6000; i++) {
		__cleanup_free char *path = path_of(c, FIRST_ID + i, &k), *want = xasprintf("/made/%u", (unsigned)i);

		if (!*path && !kept)
			continue;
		assert_string_equal(path, want);
		kept++;
	}
	assert_int_equal(kept, 4096);
	containers__free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_is_gone_is_called_as_it_was),
		cmocka_unit_test(they_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
