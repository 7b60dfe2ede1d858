/* SPDX-License-Identifier: MIT */
/* What people type for durations, rates and process ids; what they are shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "user/util/units.h"
#include "user/util/alloc.h"
#include <errno.h>

#define MS 1000000ull
#define S  (1000 * MS)

static void durations_are_read(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = {
		{"10", 10 * S},
		{"10s", 10 * S},
		{"0", 0},
		{"1.5", 1500 * MS},
		{"500ms", 500 * MS},
		{"5m", 300 * S},
		{"5min", 300 * S},
		{"1h30m", 5400 * S},
		{"1H30M", 5400 * S},
		{"1.5h", 5400 * S},
		{".5s", 500 * MS},
		{"1d", 86400 * S},
		{"1m0.25s", 60250 * MS},
		{"250us", MS / 4},
		{"7ns", 7},
		{"2h3m4s5ms", 7384005 * MS},
		{"0.1", 100 * MS},
		{"36600d", 36600ull * 86400 * S},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		const char *why = NULL;
		uint64_t ns = 1;

		if (units_parse_duration(good[i].text, &ns, &why))
			fail_msg("%s: %s", good[i].text, why);
		assert_int_equal(ns, good[i].ns);
	}
}

static void wrong_durations_are_refused(void **state)
{
	static const struct {
		const char *text;
		int err;
	} bad[] = {
		{"", -EINVAL},         {"s", -EINVAL},
		{"-1", -EINVAL},       {" 1", -EINVAL},
		{"1 s", -EINVAL},      {"1x", -EINVAL},
		{"1sm", -EINVAL},      {"1.2.3", -EINVAL},
		{"1m30", -EINVAL},     {"30s1m", -EINVAL},
		{"1s1s", -EINVAL},     {"0x10", -EINVAL},
		{"inf", -EINVAL},      {"nan", -EINVAL},
		{"1e3", -EINVAL},      {"1,5", -EINVAL},
		{".", -EINVAL},        {"1h30", -EINVAL},
		{"9999999d", -ERANGE}, {"99999999999999999999999999999999999", -ERANGE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const char *why = NULL;
		uint64_t ns = 77;

		assert_int_equal(units_parse_duration(bad[i].text, &ns, &why), bad[i].err);
		assert_non_null(why);
		assert_int_equal(ns, 77);
	}
}

static void rates_are_read(void **state)
{
	static const struct {
		const char *text;
		double hz;
	} good[] = {{"99", 99},     {"1khz", 1000}, {"1kHz", 1000},  {"1k", 1000},
		    {"999hz", 999}, {"0.5Hz", 0.5}, {"2.5KHZ", 2500}};
	static const char *const bad[] = {"", "0", "0hz", "hz", "-5", "1mhz", "10 hz", "1khzz", "abc", "1e3", "inf"};
	const char *why;
	double hz;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(units_parse_rate(good[i].text, &hz, &why), 0);
		assert_true(hz == good[i].hz);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		why = NULL;
		assert_true(units_parse_rate(bad[i], &hz, &why) < 0);
		assert_non_null(why);
	}
}

static void pids_are_read(void **state)
{
	static const char *const bad[] = {
		"", "0", "a", "1,", ",1", "1,,2", "1 2", "-1", "0x", "4194305", "1,99999999999", "12a"};
	__cleanup_free uint32_t *pids = NULL;
	const char *why = NULL;
	size_t cnt = 0;

	(void)state;
	assert_int_equal(units_parse_pids("42", &pids, &cnt, &why), 0);
	assert_int_equal(units_parse_pids("1,0x2B,4194304", &pids, &cnt, &why), 0);
	assert_int_equal(cnt, 4);
	assert_int_equal(pids[0], 42);
	assert_int_equal(pids[1], 1);
	assert_int_equal(pids[2], 0x2b);
	assert_int_equal(pids[3], 4194304);
	assert_int_equal(units_parse_pids("42,44,0x2c,44", &pids, &cnt, &why), 0);
	assert_int_equal(cnt, 5);
	assert_int_equal(pids[4], 44);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		why = NULL;
		if (!units_parse_pids(bad[i], &pids, &cnt, &why))
			fail_msg("taken: %s", bad[i]);
		assert_non_null(why);
	}
}

static void counts_are_read(void **state)
{
	static const char *const bad[] = {"", "-1", "1.0", "1e3", " 1", "18446744073709551616", "x"};
	const char *why;
	uint64_t n;

	(void)state;
	assert_int_equal(units_parse_count("18446744073709551615", &n, &why), 0);
	assert_true(n == UINT64_MAX);
	assert_int_equal(units_parse_count("007", &n, &why), 0);
	assert_int_equal(n, 7);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_true(units_parse_count(bad[i], &n, &why) < 0);
}

static void assert_text(char *got, const char *want)
{
	assert_string_equal(got, want);
	free(got);
}

static void people_are_shown(void **state)
{
	(void)state;
	assert_text(units_size_text(0), "0 B");
	assert_text(units_size_text(999), "999 B");
	assert_text(units_size_text(1000), "1.00 kB");
	assert_text(units_size_text(99949), "99.9 kB");
	assert_text(units_size_text(99950), "100 kB");
	assert_text(units_size_text(999499), "999 kB");
	assert_text(units_size_text(999500), "1.00 MB");
	assert_text(units_size_text(1400000), "1.40 MB");
	assert_text(units_size_text(UINT64_MAX), "18.4 EB");
	assert_text(units_duration_text(0), "0 ns");
	assert_text(units_duration_text(1500), "1.5 us");
	assert_text(units_duration_text(999600), "1 ms");
	assert_text(units_duration_text(350 * MS), "350 ms");
	assert_text(units_duration_text(999 * MS + 700000), "1.00 s");
	assert_text(units_duration_text(12300 * MS), "12.3 s");
	assert_text(units_duration_text(59960 * MS), "1 min 00 s");
	assert_text(units_duration_text(245 * S), "4 min 05 s");
	assert_text(units_duration_text(7620 * S), "2 h 07 min");
	assert_text(units_duration_text(86400 * S * 3), "3 d 00 h");
	assert_text(units_count_text(0), "0");
	assert_text(units_count_text(999), "999");
	assert_text(units_count_text(1000), "1,000");
	assert_text(units_count_text(1234567), "1,234,567");
	assert_text(units_count_text(UINT64_MAX), "18,446,744,073,709,551,615");
}

static void sizes_are_read(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{"1B", 1},           {"500kB", 500000}, {"10MB", 10000000},    {"1.5G", 1500000000},
		{"64MiB", 64 << 20}, {"1ki", 1024},     {"2t", 2000000000000},
	};
	static const char *const bad[] = {"", "10", "MB", "10 MB", "10s", "-1MB", "1e3MB", "9999999T"};
	const char *why;
	uint64_t bytes;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(units_parse_size(good[i].text, &bytes, &why), 0);
		assert_int_equal(bytes, good[i].bytes);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		why = NULL;
		assert_int_not_equal(units_parse_size(bad[i], &bytes, &why), 0);
		assert_non_null(why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_read),
		cmocka_unit_test(durations_are_read),
		cmocka_unit_test(wrong_durations_are_refused),
		cmocka_unit_test(rates_are_read),
		cmocka_unit_test(pids_are_read),
		cmocka_unit_test(counts_are_read),
		cmocka_unit_test(people_are_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
