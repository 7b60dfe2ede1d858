/* SPDX-License-Identifier: MIT */
/* Room in an array: what is given out never overlaps, and all of it comes back as one stretch. */
#include "user/util/room.h"
#include "user/util/alloc.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <cmocka.h>

#define SIZE   4096
#define ROUNDS 20000
#define HELD   200

static void fits_exactly(void **state)
{
	struct room r;

	(void)state;
	room__init(&r, 10);
	assert_int_equal(room__take(&r, 4), 0);
	assert_int_equal(room__take(&r, 7), ROOM_NONE);
	assert_int_equal(room__take(&r, 6), 4);
	assert_int_equal(room__take(&r, 1), ROOM_NONE);
	assert_int_equal(room__take(&r, 0), ROOM_NONE);
	room__give(&r, 0, 4);
	assert_int_equal(room__take(&r, 2), 0);
	room__give(&r, 4, 6);
	assert_int_equal(room__take(&r, 8), 2);
	assert_int_equal(r.taken, 10);
	room__clear(&r);
}

static void give_one(struct room *r, bool *used, struct room_stretch *s)
{
	for (uint32_t i = 0; i < s->cnt; i++)
		used[s->first + i] = false;
	room__give(r, s->first, s->cnt);
	s->cnt = 0;
}

static void take_one(struct room *r, bool *used, struct room_stretch *s)
{
	uint32_t cnt = (uint32_t)rand() % 60 + 1, first = room__take(r, cnt);

	if (first == ROOM_NONE)
		return;
	assert_true(first + cnt <= SIZE);
	for (uint32_t i = 0; i < cnt; i++) {
		assert_false(used[first + i]);
		used[first + i] = true;
	}
	*s = (struct room_stretch){first, cnt};
}

static void never_overlaps(void **state)
{
	struct room_stretch held[HELD] = {0};
	bool used[SIZE] = {0};
	struct room r;

	(void)state;
	room__init(&r, SIZE);
	srand(1);
	for (int i = 0; i < ROUNDS; i++) {
		struct room_stretch *s = &held[rand() % HELD];

		if (s->cnt)
			give_one(&r, used, s);
		else
			take_one(&r, used, s);
	}
	for (size_t i = 0; i < HELD; i++)
		if (held[i].cnt)
			give_one(&r, used, &held[i]);
	assert_int_equal(r.taken, 0);
	assert_int_equal(r.cnt, 1);
	assert_int_equal(room__take(&r, SIZE), 0);
	room__clear(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(fits_exactly), cmocka_unit_test(never_overlaps)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
