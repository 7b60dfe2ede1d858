/* SPDX-License-Identifier: MIT */
/* Ids for bytes, dense from 1; and the table of pairs that shares its test. */
#include "user/util/intern.h"
#include "tests/unit/small_profile.h"
#include "user/util/alloc.h"
#include "user/util/pair_map.h"

static void equal_bytes_share_an_id(void **state)
{
	struct intern *t = intern__new();
	char copy[] = "abc";
	size_t len;

	(void)state;
	assert_int_equal(intern__id(t, "abc", 3), 1);
	assert_int_equal(intern__id(t, "ab", 2), 2);
	assert_int_equal(intern__id(t, "", 0), 3);
	assert_int_equal(intern__id(t, "ab\0", 3), 4);
	assert_int_equal(intern__id(t, copy, 3), 1);
	assert_int_equal(intern__count(t), 4);
	copy[0] = 'x'; /* it keeps a copy */
	assert_string_equal(intern__bytes(t, 1, &len), "abc");
	assert_int_equal(len, 3);
	assert_memory_equal(intern__bytes(t, 4, &len), "ab\0", 4);
	assert_int_equal(len, 3);
	intern__free(t);
	intern__free(NULL);
}

static void unknown_ids_are_empty(void **state)
{
	struct intern *t = intern__new();
	size_t len = 9;

	(void)state;
	assert_string_equal(intern__bytes(t, 0, &len), "");
	assert_int_equal(len, 0);
	len = 9;
	assert_string_equal(intern__bytes(t, 1, &len), "");
	assert_int_equal(len, 0);
	assert_string_equal(intern__bytes(t, UINT32_MAX, NULL), "");
	intern__free(t);
}

static void bytes_stay_where_they_are(void **state)
{
	struct intern *t = intern__new();
	const char *first;

	(void)state;
	intern__id(t, "first", 5);
	first = intern__bytes(t, 1, NULL);
	for (uint32_t i = 0; i < 100000; i++)
		assert_int_equal(intern__id(t, &i, sizeof(i)), i + 2);
	assert_ptr_equal(intern__bytes(t, 1, NULL), first);
	for (uint32_t i = 0; i < 100000; i++)
		assert_memory_equal(intern__bytes(t, i + 2, NULL), &i, sizeof(i));
	intern__free(t);
}

static void pairs_are_found_again(void **state)
{
	struct pair_map m = {0};

	(void)state;
	assert_int_equal(pair_map__get(&m, 1, 1), 0);
	for (uint32_t a = 0; a < 300; a++)
		for (uint32_t b = 0; b < 300; b++) {
			uint32_t *slot = pair_map__slot(&m, a, b * 65536);

			assert_int_equal(*slot, 0);
			*slot = a * 300 + b + 1;
		}
	for (uint32_t a = 0; a < 300; a++)
		for (uint32_t b = 0; b < 300; b++) {
			assert_int_equal(pair_map__get(&m, a, b * 65536), a * 300 + b + 1);
			assert_int_equal(*pair_map__slot(&m, a, b * 65536), a * 300 + b + 1);
		}
	assert_int_equal(m.count, 90000);
	assert_int_equal(pair_map__get(&m, 1, 1), 0);
	assert_int_equal(pair_map__get(&m, 300 * 65536, 0), 0);
	assert_true(m.count * 3 <= m.cap * 2 + 3);
	pair_map__free(&m);
	assert_null(m.slots);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_bytes_share_an_id),
		cmocka_unit_test(unknown_ids_are_empty),
		cmocka_unit_test(bytes_stay_where_they_are),
		cmocka_unit_test(pairs_are_found_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
