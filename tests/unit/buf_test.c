/* SPDX-License-Identifier: MIT */
/* The byte buffer, and the cursor that never leaves its source, whatever the lengths say. */
#include "user/util/buf.h"
#include "tests/unit/small_profile.h"
#include "user/util/alloc.h"

static void numbers_come_back(void **state)
{
	uint64_t value = 1;
	struct buf b = {0};
	struct cursor c;

	(void)state;
	for (int i = 0; i < 64; i++, value = value * 2 + 1) {
		buf_put_varint(&b, value);
		buf_put_varint(&b, value - 1);
		buf_put_svarint(&b, (int64_t)value);
		buf_put_svarint(&b, -(int64_t)(value / 2) - 1);
	}
	c = cursor_of(b.data, b.len);
	value = 1;
	for (int i = 0; i < 64; i++, value = value * 2 + 1) {
		assert_int_equal(cursor_varint(&c), value);
		assert_int_equal(cursor_varint(&c), value - 1);
		assert_int_equal(cursor_svarint(&c), value);
		assert_int_equal(cursor_svarint(&c), -(int64_t)(value / 2) - 1);
	}
	assert_false(c.bad);
	assert_int_equal(cursor_left(&c), 0);
	buf_free(&b);
}

/* LEB128 as its definition has it, so that other programs can read it. */
static void numbers_have_their_known_bytes(void **state)
{
	struct buf b = {0};

	(void)state;
	buf_put_varint(&b, 0);
	buf_put_varint(&b, 127);
	buf_put_varint(&b, 128);
	buf_put_varint(&b, 624485);
	buf_put_svarint(&b, -1);
	buf_put_svarint(&b, 1);
	buf_put_svarint(&b, -64);
	assert_int_equal(b.len, 10);
	assert_memory_equal(b.data, "\x00\x7f\x80\x01\xe5\x8e\x26\x01\x02\x7f", 10);
	buf_free(&b);
}

static void texts_come_back(void **state)
{
	__cleanup_free char *one = NULL, *two = NULL, *long_text = xmalloc(100001), *three = NULL;
	struct buf b = {0};
	struct cursor c;

	(void)state;
	memset(long_text, 'y', 100000);
	long_text[100000] = 0;
	buf_put_text(&b, "");
	buf_put_text(&b, "grün\n");
	buf_put_text(&b, long_text);
	c = cursor_of(b.data, b.len);
	one = cursor_text(&c);
	two = cursor_text(&c);
	three = cursor_text(&c);
	assert_string_equal(one, "");
	assert_string_equal(two, "grün\n");
	assert_string_equal(three, long_text);
	assert_false(c.bad);
	buf_free(&b);
}

static void bad_stays_bad(void **state)
{
	struct cursor c = cursor_of("\x05xy", 3);
	__cleanup_free char *text = cursor_text(&c);

	(void)state;
	assert_true(c.bad);
	assert_string_equal(text, "");
	assert_int_equal(cursor_left(&c), 0);
	assert_int_equal(cursor_u8(&c), 0);
	assert_int_equal(cursor_varint(&c), 0);
	assert_null(cursor_bytes(&c, 0));
}

static void lengths_cannot_wrap(void **state)
{
	static const size_t lengths[] = {4, SIZE_MAX, SIZE_MAX / 2, SIZE_MAX - 2};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		struct cursor c = cursor_of("abc", 3);

		assert_null(cursor_bytes(&c, lengths[i]));
		assert_true(c.bad);
	}
}

static void endless_numbers_end(void **state)
{
	struct cursor c = cursor_of("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12);
	struct cursor cut = cursor_of("\xff\xff", 2);

	(void)state;
	assert_int_equal(cursor_varint(&c), 0);
	assert_true(c.bad);
	cursor_varint(&cut);
	assert_true(cut.bad);
}

/* Any bytes, read in any order; the sanitisers watch the edges of an exact allocation. */
static void any_bytes_are_safe(void **state)
{
	unsigned seed = 31;

	(void)state;
	for (int i = 0; i < 5000; i++) {
		size_t len = (size_t)rand_r(&seed) % 40;
		unsigned char *bytes = xmalloc(len);
		struct cursor c = cursor_of(bytes, len);

		for (size_t j = 0; j < len; j++)
			bytes[j] = (unsigned char)rand_r(&seed);
		while (!c.bad) {
			const unsigned char *before = c.at;
			int what = rand_r(&seed) % 4;

			if (what == 0)
				cursor_u8(&c);
			else if (what == 1)
				cursor_svarint(&c);
			else if (what == 2)
				cursor_bytes(&c, (size_t)rand_r(&seed) % 8);
			else
				free(cursor_text(&c));
			assert_true(c.at >= before && c.at <= c.end);
		}
		free(bytes);
	}
}

static void it_grows_and_is_given_away(void **state)
{
	struct buf b = {0};
	char *text;

	(void)state;
	text = buf_steal_text(&b);
	assert_string_equal(text, "");
	free(text);
	for (int i = 0; i < 10000; i++)
		buf_printf(&b, "%d,", i);
	assert_int_equal(b.len, 48890);
	assert_int_equal(strlen(b.data), b.len);
	buf_reset(&b);
	buf_puts(&b, "x");
	buf_put(&b, "y\0z", 3);
	assert_int_equal(b.len, 4);
	text = buf_steal_text(&b);
	assert_memory_equal(text, "xy\0z", 5);
	assert_null(b.data);
	assert_int_equal(b.len, 0);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_come_back),   cmocka_unit_test(numbers_have_their_known_bytes),
		cmocka_unit_test(texts_come_back),     cmocka_unit_test(bad_stays_bad),
		cmocka_unit_test(lengths_cannot_wrap), cmocka_unit_test(endless_numbers_end),
		cmocka_unit_test(any_bytes_are_safe),  cmocka_unit_test(it_grows_and_is_given_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
