/* SPDX-License-Identifier: MIT */
/* Half an hour of the churn of tests/bench/churn.c: the heap is as it was before. */
#include "tests/bench/churn.h"

#define WINDOWS    115 /* a fiftieth of a day */
#define EARLY      35
#define CODE_BYTES (2u << 20) /* so that it is reached by then */

static void memory_is_flat(void **state)
{
	size_t early = 0;
	struct churn c;

	(void)state;
	churn_begin(&c, &churn_day, CODE_BYTES);
	while (c.windows < WINDOWS) {
		churn_window(&c);
		if (c.windows == EARLY)
			early = churn_in_use();
	}
	assert_true(churn_in_use() < early + early / 10);
	assert_true(c.shown > c.sample_cnt * 95 / 100);
	assert_true(c.unknown < c.shown / 200);
	churn_end(&c);
}

/* Without caches of freed pieces, what malloc says is in use is. */
static void without_caches(char **argv)
{
	if (getenv("GLIBC_TUNABLES"))
		return;
	setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0:glibc.malloc.mxfast=0", 1);
	execv("/proc/self/exe", argv);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_flat),
	};

	(void)argc;
	without_caches(argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
