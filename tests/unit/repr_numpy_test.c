/* SPDX-License-Identifier: MIT */
/* Scalars of numpy as they lie in memory (numpy/arrayscalars.h): a PyObject, then the value. */
#include "user/python/repr_parts.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define ADDR  0x10000ull
#define VALUE 16

static unsigned char memory[VALUE + 8];

static int read_memory(void *ctx, uint64_t addr, void *out, size_t len)
{
	(void)ctx;
	if (addr < ADDR || addr + len > ADDR + sizeof(memory))
		return -EFAULT;
	memcpy(out, memory + (addr - ADDR), len);
	return 0;
}

/* NULL: not shown as a number. */
static char *text_of(const char *type, const void *value, size_t bytes)
{
	struct object_reader r = {.read = read_memory, .reads_left = 10};
	struct repr p = {.r = &r, .max = 100};

	memset(memory, 0xa5, sizeof(memory));
	memcpy(memory + VALUE, value, bytes);
	if (repr_numpy(&p, ADDR, type))
		return buf_steal_text(&p.out);
	free(buf_steal_text(&p.out));
	return NULL;
}

static void assert_text(const char *type, const void *value, size_t bytes, const char *expected)
{
	char *text = text_of(type, value, bytes);

	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
}

static void test_numbers(void **state)
{
	(void)state;
	assert_text("int8", &(int8_t){-3}, 1, "-3");
	assert_text("uint8", &(uint8_t){200}, 1, "200");
	assert_text("int16", &(int16_t){-32768}, 2, "-32768");
	assert_text("uint32", &(uint32_t){4294967295u}, 4, "4294967295");
	assert_text("int64", &(int64_t){INT64_MIN}, 8, "-9223372036854775808");
	assert_text("ulonglong", &(uint64_t){UINT64_MAX}, 8, "18446744073709551615");
	assert_text("bool", &(uint8_t){1}, 1, "True");
	assert_text("bool_", &(uint8_t){0}, 1, "False");
	assert_text("float32", &(float){0.1f}, 4, "0.1");
	assert_text("float32", &(float){16777216.0f}, 4, "16777216.0");
	assert_text("float64", &(double){0.1}, 8, "0.1");
}

static void test_what_is_no_number(void **state)
{
	(void)state;
	assert_null(text_of("ndarray", &(uint64_t){1}, 8));
	assert_null(text_of("bool", &(uint8_t){7}, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_what_is_no_number),
	};

	return cmocka_run_group_tests_name("repr_numpy", tests, NULL, NULL);
}
