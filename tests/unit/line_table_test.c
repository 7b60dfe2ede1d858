/* SPDX-License-Identifier: MIT */
/*
 * Tables worked out by hand from Objects/lnotab_notes.txt and Objects/locations.md. That whole
 * standard libraries decode exactly is for tests/live/test_line_tables.py.
 */
#include "user/python/line_table.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define TABLE(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

static void assert_line(enum line_table_kind kind, const uint8_t *table, size_t len, int32_t lasti, int32_t line)
{
	int32_t found = line_table_lookup(kind, table, len, 10, lasti);

	if (found != line)
		fail_msg("format %d, offset %d: line %d, not %d", (int)kind, lasti, found, line);
}

/* The example of lnotab_notes.txt: offsets 0, 6, 50, 350, 361 are lines 1, 2, 7, 207, 208 */
static void test_lnotab(void **state)
{
	const uint8_t table[] = {0, 1, 6, 1, 44, 5, 255, 0, 45, 127, 0, 73, 11, 1};
	const int32_t truth[][2] = {{0, 11},   {4, 11},    {6, 12},    {48, 12},   {50, 17},
				    {348, 17}, {350, 217}, {360, 217}, {361, 218}, {9999, 218}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(truth); i++)
		assert_line(LINE_TABLE_LNOTAB, table, sizeof(table), truth[i][0], truth[i][1]);
	/* lines go back too */
	assert_line(LINE_TABLE_LNOTAB, TABLE(2, 5, 2, 0xfd), 2, 15);
	assert_line(LINE_TABLE_LNOTAB, TABLE(2, 5, 2, 0xfd), 4, 12);
	assert_line(LINE_TABLE_LNOTAB, TABLE(2, 5, 2), 4, 15);
}

static void test_310(void **state)
{
	(void)state;
	/* 6 bytes on +1, 4 without a line, 2 on -2 */
	assert_line(LINE_TABLE_310, TABLE(6, 1, 4, 128, 2, 0xfe), 0, 11);
	assert_line(LINE_TABLE_310, TABLE(6, 1, 4, 128, 2, 0xfe), 4, 11);
	assert_line(LINE_TABLE_310, TABLE(6, 1, 4, 128, 2, 0xfe), 6, 11);
	assert_line(LINE_TABLE_310, TABLE(6, 1, 4, 128, 2, 0xfe), 10, 9);
	/* beyond the end of a table that was cut: the first line */
	assert_line(LINE_TABLE_310, TABLE(6, 1, 4, 128, 2, 0xfe), 12, 10);
	/* long ranges and far lines take several entries; those of length 0 only move the line */
	assert_line(LINE_TABLE_310, TABLE(0, 127, 0, 127, 254, 0, 254, 0, 2, 1), 300, 264);
	assert_line(LINE_TABLE_310, TABLE(0, 127, 0, 127, 254, 0, 254, 0, 2, 1), 508, 265);
	/* no line at the start */
	assert_line(LINE_TABLE_310, TABLE(2, 128, 2, 3), 0, 10);
	assert_line(LINE_TABLE_310, TABLE(2, 128, 2, 3), 2, 13);
}

/* A head byte of the location table: kind, length in code units. */
#define HEAD(kind, units) (0x80 | (kind) << 3 | ((units) - 1))

static void test_locations(void **state)
{
	(void)state;
	/* short forms and one-line forms; columns follow */
	assert_line(LINE_TABLE_LOCATIONS, TABLE(HEAD(0, 1), 0x12, HEAD(11, 2), 3, 4, HEAD(12, 1), 1, 2), 0, 10);
	assert_line(LINE_TABLE_LOCATIONS, TABLE(HEAD(0, 1), 0x12, HEAD(11, 2), 3, 4, HEAD(12, 1), 1, 2), 4, 11);
	assert_line(LINE_TABLE_LOCATIONS, TABLE(HEAD(0, 1), 0x12, HEAD(11, 2), 3, 4, HEAD(12, 1), 1, 2), 6, 13);
	/* no column info: svarint -1; long form: svarint +200 = 400 = 6 bits 16, then 6 */
	assert_line(LINE_TABLE_LOCATIONS, TABLE(HEAD(13, 1), 3, HEAD(14, 8), 0x40 | 16, 6, 0, 1, 1), 0, 9);
	assert_line(LINE_TABLE_LOCATIONS, TABLE(HEAD(13, 1), 3, HEAD(14, 8), 0x40 | 16, 6, 0, 1, 1), 16, 209);
	/* none: the line before it */
	assert_line(LINE_TABLE_LOCATIONS, TABLE(HEAD(13, 1), 4, HEAD(15, 1)), 2, 12);
	assert_line(LINE_TABLE_LOCATIONS, TABLE(HEAD(15, 1), HEAD(13, 1), 4), 0, 10);
	/* line 0 is what the first instruction of a module has from 3.11 on */
	assert_line(LINE_TABLE_LOCATIONS, TABLE(HEAD(13, 1), 21), 0, 0);
	assert_line(LINE_TABLE_LOCATIONS, TABLE(HEAD(13, 1), 3), 2, 10);
}

static void test_not_started_or_nothing_known(void **state)
{
	const enum line_table_kind kinds[] = {LINE_TABLE_LNOTAB, LINE_TABLE_310, LINE_TABLE_LOCATIONS};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		assert_line(kinds[i], TABLE(HEAD(13, 8), 4, 4, 4), -1, 10);
		assert_line(kinds[i], TABLE(HEAD(13, 8), 4, 4, 4), abi_line(77), 77);
		assert_line(kinds[i], NULL, 0, 0, 10);
		assert_line(kinds[i], NULL, 0, INT32_MAX, 10);
	}
	assert_int_equal(line_table_lookup((enum line_table_kind)7, "ab", 2, 10, 0), 10);
}

/* Sums beyond 32 bits and varints without an end. */
static void test_absurd_numbers(void **state)
{
	static uint8_t table[1 << 20];

	(void)state;
	memset(table, 0x7f, sizeof(table));
	assert_line(LINE_TABLE_LNOTAB, table, sizeof(table), INT32_MAX, 10 + 127 * (1 << 19));
	table[0] = HEAD(14, 8);
	assert_line(LINE_TABLE_LOCATIONS, table, sizeof(table), 0, 10);
	for (size_t i = 0; i + 8 <= sizeof(table); i += 8)
		memcpy(table + i, (uint8_t[]){HEAD(13, 1), 0x7e, 0x7f, 0x7f, 0x7f, 0x7f, 0x3f, 0}, 8);
	assert_line(LINE_TABLE_LOCATIONS, table, sizeof(table), 100000, 10);
	assert_int_equal(line_table_lookup(LINE_TABLE_310, TABLE(2, 0x81), INT32_MIN, 0), INT32_MIN);
}

/* Of any bytes, whatever is asked first. */
static void test_marks_change_nothing(void **state)
{
	static uint8_t bytes[20000];
	unsigned long random = 1;

	(void)state;
	for (unsigned round = 0; round < 60; round++) {
		enum line_table_kind kind = (enum line_table_kind)(round % 3);
		struct line_table t = {.kind = kind, .bytes = bytes, .len = sizeof(bytes) - round};

		for (size_t i = 0; i < sizeof(bytes); i++) {
			random = random * 6364136223846793005ul + 1442695040888963407ul;
			bytes[i] = (uint8_t)(random >> (round % 5 == 4 ? 58 : 56)); /* also without heads */
		}
		for (int32_t lasti = 0; lasti < 3000000; lasti += lasti < 4000 ? 2 : 4999)
			assert_int_equal(line_table__line(&t, 7, lasti),
					 line_table_lookup(kind, t.bytes, t.len, 7, lasti));
		assert_true(t.checkpoint_cnt > 5 || round % 5 == 4);
		line_table__clear(&t);
	}
}

static double cpu_ms(void)
{
	return (double)clock_cpu_ns() / 1e6;
}

/* The largest table, asked for each of a thousand frames at other places: as if it were a small one. */
static void assert_cheap(enum line_table_kind kind, const uint8_t *bytes, size_t len)
{
	struct line_table t = {.kind = kind, .bytes = bytes, .len = len};
	double start = cpu_ms(), marking;

	line_table__line(&t, 1, 0);
	marking = cpu_ms() - start;
	for (int32_t i = 0; i < 1000; i++)
		line_table__line(&t, 1, (int32_t)(i * 2000003ll % INT32_MAX));
	print_message("format %d: marks %.1f ms, 1,000 look-ups %.2f ms\n", (int)kind, marking,
		      cpu_ms() - start - marking);
	assert_true(cpu_ms() - start - marking < 200);
	line_table__clear(&t);
}

static void test_a_hostile_table_is_cheap(void **state)
{
	const size_t len = 16 << 20;
	uint8_t *bytes = xcalloc(1, len);

	(void)state;
	for (int kind = 0; kind < 3; kind++)
		assert_cheap((enum line_table_kind)kind, bytes, len); /* no entry covers anything; one of columns */
	memset(bytes, 0xff, len);
	for (int kind = 0; kind < 3; kind++)
		assert_cheap((enum line_table_kind)kind, bytes, len);
	memset(bytes, 0x7f, len); /* a number without an end */
	bytes[0] = HEAD(14, 8);
	assert_cheap(LINE_TABLE_LOCATIONS, bytes, len);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lnotab),
		cmocka_unit_test(test_310),
		cmocka_unit_test(test_locations),
		cmocka_unit_test(test_not_started_or_nothing_known),
		cmocka_unit_test(test_absurd_numbers),
		cmocka_unit_test(test_marks_change_nothing),
		cmocka_unit_test(test_a_hostile_table_is_cheap),
	};

	return cmocka_run_group_tests_name("line_table", tests, NULL, NULL);
}
