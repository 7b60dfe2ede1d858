/* SPDX-License-Identifier: MIT */
/* Code objects of a process that lives: kept while there is room, then the ones that were met last. */
#include "tests/unit/make_records.h"
#include "user/profile/profile.h"
#include "user/resolve/codes.h"
#include <stdio.h>

#define SECOND     1000000000ull
#define IMAGE      7
#define LINES      8
#define LIMIT      100000u
#define MOST       20000 /* keys in a test */
#define TABLE_MOST (64u << 20)

static struct profile_builder *builder;
static struct codes *codes;
static uint64_t now_ns;
static bool sent[MOST]; /* as the kernel side has it noted */
static size_t forgotten;

static void forget(void *ctx, uint64_t key)
{
	(void)ctx;
	assert_in_range(key, 1, MOST - 1);
	sent[key] = false;
	forgotten++;
}

static int begin(void **state)
{
	(void)state;
	builder = profile_builder__new(false);
	codes = codes__new(profile_builder__sink(builder), (struct path_asker){0});
	codes__set_limit(codes, &(struct codes_limit){.bytes = LIMIT, .forget = forget});
	now_ns = 1000 * SECOND;
	memset(sent, 0, sizeof(sent));
	forgotten = 0;
	codes__tend(codes, now_ns);
	return 0;
}

static int end(void **state)
{
	(void)state;
	codes__free(codes);
	profile__free(profile_builder__finish(builder));
	return 0;
}

static void pass(uint64_t seconds)
{
	now_ns += seconds * SECOND;
	codes__tend(codes, now_ns);
}

static void send(uint64_t key)
{
	__cleanup_free char *name = xasprintf("made_%llu", (unsigned long long)key);
	__cleanup_free char *table = make_table(LINE_TABLE_LOCATIONS, LINES);
	struct code_text text = {.name = name,
				 .file = "<string>",
				 .module = "m",
				 .first_line = 10,
				 .table = table,
				 .table_len = table_bytes(LINE_TABLE_LOCATIONS, LINES),
				 .kind = LINE_TABLE_LOCATIONS};

	codes__set(codes, key, IMAGE, &text);
	sent[key] = true;
}

/* The kernel side meets it: it sends it, if it is not noted that it was. */
static void meet(uint64_t key)
{
	if (!sent[key])
		send(key);
	assert_int_not_equal(codes__frame(codes, key, 4), 0);
}

static bool is_known(uint64_t key)
{
	struct code_names names;

	return codes__names(codes, key, &names);
}

static void all_are_kept_while_there_is_room(void **state)
{
	(void)state;
	for (uint64_t key = 1; key <= 100; key++)
		meet(key);
	pass(100000);
	pass(100000);
	assert_true(codes__bytes(codes) < LIMIT);
	assert_int_equal(forgotten, 0);
	for (uint64_t key = 1; key <= 100; key++)
		assert_true(is_known(key));
}

/* The oldest go, once nothing that was taken before can still be on its way; and no more of them than it takes. */
static void the_oldest_go(void **state)
{
	uint64_t key = 1;

	(void)state;
	while (codes__bytes(codes) < LIMIT) {
		meet(key++);
		if (key % 10 == 0)
			pass(1);
	}
	pass(15);
	assert_true(forgotten > 0 && forgotten < key / 2);
	assert_true(is_known(1));
	assert_false(codes__will_drop(codes, now_ns + SECOND));
	assert_true(codes__will_drop(codes, now_ns + 3 * SECOND));
	pass(3);
	assert_false(is_known(1));
	assert_true(is_known(key - 1));
	assert_in_range(codes__bytes(codes), LIMIT / 2, LIMIT * 8 / 10);
	for (uint64_t k = 1; k < key; k++)
		assert_int_equal(is_known(k), sent[k]);
}

/* Met between the kernel side's forgetting and ours: by a sample that was on its way, or because it was sent again. */
static void one_that_is_met_stays(void **state)
{
	uint64_t key = 1;

	(void)state;
	while (codes__bytes(codes) < LIMIT)
		meet(key++);
	pass(15);
	assert_false(sent[1]);
	assert_int_not_equal(codes__frame(codes, 1, 4), 0);
	codes__meet(codes, 2); /* a sample that waits */
	send(3);
	pass(3);
	assert_true(is_known(1) && is_known(2) && is_known(3));
	assert_false(is_known(4));
	meet(4);
	assert_true(is_known(4));
}

static void the_young_stay_whatever_there_is(void **state)
{
	(void)state;
	for (uint64_t key = 1; key < 1000; key++)
		meet(key);
	pass(2);
	pass(2);
	assert_int_equal(forgotten, 0);
}

/* A name that did not come was lost on its way; else it would never come. */
static void one_that_is_not_known_is_asked_for(void **state)
{
	(void)state;
	sent[5] = true;
	assert_int_equal(codes__frame(codes, 5, 4), 0);
	assert_int_not_equal(codes__frame_now(codes, 5, 4), 0);
	assert_false(sent[5]);
}

/* What an image may bring is what it has, not what it ever had: contents.c has 64 MB for one. */
static void tables_may_come_for_ever(void **state)
{
	static char table[1 << 16];
	struct code_text text = {.name = "f", .file = "<string>", .module = "m", .first_line = 1, .table = table};
	size_t room = codes__room(codes, IMAGE);

	(void)state;
	text.table_len = sizeof(table);
	text.kind = LINE_TABLE_LOCATIONS;
	for (uint64_t key = 1; key * sizeof(table) < 2 * TABLE_MOST; key++) {
		memcpy(table + sizeof(table) / 2, &key, sizeof(key));
		codes__set(codes, key, IMAGE, &text);
		pass(4);
	}
	assert_true(codes__room(codes, IMAGE) > room - TABLE_MOST / 8);
	pass(100);
	pass(100);
	assert_true(codes__room(codes, IMAGE) > room - LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_are_kept_while_there_is_room, begin, end),
		cmocka_unit_test_setup_teardown(the_oldest_go, begin, end),
		cmocka_unit_test_setup_teardown(one_that_is_met_stays, begin, end),
		cmocka_unit_test_setup_teardown(the_young_stay_whatever_there_is, begin, end),
		cmocka_unit_test_setup_teardown(one_that_is_not_known_is_asked_for, begin, end),
		cmocka_unit_test_setup_teardown(tables_may_come_for_ever, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
