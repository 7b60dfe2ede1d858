/* SPDX-License-Identifier: MIT */
/* Protocol buffers: bytes as the encoding's own documentation shows them. */
#include "user/format/pb.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void assert_bytes(struct buf *got, const char *want, size_t len)
{
	assert_int_equal(got->len, len);
	assert_memory_equal(got->data, want, len);
	buf_reset(got);
}

static void numbers(void **state)
{
	struct buf out = {0};

	(void)state;
	pb_put_int(&out, 1, 150);
	assert_bytes(&out, "\x08\x96\x01", 3);
	pb_put_int(&out, 16, 1); /* a tag of two bytes */
	assert_bytes(&out, "\x80\x01\x01", 3);
	pb_put_int(&out, 1, UINT64_MAX);
	assert_bytes(&out, "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11);
	pb_put_fixed64(&out, 3, 0x0102030405060708);
	assert_bytes(&out, "\x19\x08\x07\x06\x05\x04\x03\x02\x01", 9);
	pb_put_fixed64(&out, 3, 0);
	assert_int_equal(out.len, 0);
	pb_put_int(&out, 1, 0); /* the default is not written */
	assert_int_equal(out.len, 0);
	buf_free(&out);
}

static void texts_and_messages(void **state)
{
	struct buf out = {0}, inner = {0};

	(void)state;
	pb_put_element(&out, 2, "testing", 7);
	assert_bytes(&out, "\x12\x07testing", 9);
	pb_put_element(&out, 2, "", 0); /* of a list: it counts */
	assert_bytes(&out, "\x12\x00", 2);
	pb_put_int(&inner, 1, 150);
	pb_put_message(&out, 3, &inner);
	assert_bytes(&out, "\x1a\x03\x08\x96\x01", 5);
	buf_reset(&inner);
	pb_put_message(&out, 3, &inner);
	assert_bytes(&out, "\x1a\x00", 2);
	buf_free(&inner);
	buf_free(&out);
}

static void packed_numbers(void **state)
{
	const uint64_t values[] = {3, 270, 86942};
	struct buf out = {0};

	(void)state;
	pb_put_packed(&out, 6, values, 3);
	assert_bytes(&out, "\x32\x06\x03\x8e\x02\x9e\xa7\x05", 8);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(texts_and_messages),
		cmocka_unit_test(packed_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
