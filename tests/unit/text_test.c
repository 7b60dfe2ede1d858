/* SPDX-License-Identifier: MIT */
/*
 * Cleaning of hostile text: whatever the bytes, the result is valid UTF-8 without anything that
 * acts. Validity is judged by the C library's own decoder, not by ours.
 */
#include "user/util/text.h"
#include "tests/unit/small_profile.h"
#include "user/util/alloc.h"
#include <locale.h>
#include <wchar.h>

static void assert_clean(const char *bytes, size_t len, const char *want)
{
	__cleanup_free char *got = text_clean(bytes, len, 0);

	assert_string_equal(got, want);
}

#define CLEANS(bytes, want) assert_clean(bytes, sizeof(bytes) - 1, want)

static void harmless_text_passes(void **state)
{
	(void)state;
	CLEANS("", "");
	CLEANS("Worker.work <lambda> $%&\"'\\", "Worker.work <lambda> $%&\"'\\");
	CLEANS("größe naïve 中文 \U0001f40d é", "größe naïve 中文 \U0001f40d é");
}

static void what_acts_becomes_visible(void **state)
{
	(void)state;
	CLEANS("a\nb\tc\rd", "a\\nb\\tc\\rd");
	CLEANS("\x1b[31m", "\\x1b[31m");
	CLEANS("nul\0in", "nul\\x00in");
	CLEANS("\x7f\xc2\x80\xc2\x9b", "\\x7f\\x80\\x9b"); /* DEL, C1 */
	CLEANS("\u202exyz\u2066", "\\u202exyz\\u2066");    /* bidi */
	CLEANS("\u2028\u2029\ufeff\u200b", "\\u2028\\u2029\\ufeff\\u200b");
	CLEANS("\xef\xbf\xbe\xef\xbf\xbf", "\\ufffe\\uffff"); /* noncharacters */
	CLEANS("\U000e0041", "\\U000e0041");                  /* tags */
}

static void what_is_no_utf8_becomes_visible(void **state)
{
	(void)state;
	CLEANS("\xff\xfe", "\\xff\\xfe");
	CLEANS("\xc0\xaf", "\\xc0\\xaf"); /* overlong '/' */
	CLEANS("\xe0\x80\xaf", "\\xe0\\x80\\xaf");
	CLEANS("\xf0\x80\x80\xaf", "\\xf0\\x80\\x80\\xaf");
	CLEANS("\xed\xa0\x80", "\\xed\\xa0\\x80");          /* surrogate */
	CLEANS("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"); /* beyond U+10FFFF */
	CLEANS("\xe4\xb8", "\\xe4\\xb8");                   /* cut short */
	CLEANS("\xe4\xb8x", "\\xe4\\xb8x");
	CLEANS("\x80", "\\x80");
}

static void newlines_may_be_kept(void **state)
{
	__cleanup_free char *got = text_clean("a\n\tb\r\x1b", 6, TEXT_KEEP_NEWLINES);

	(void)state;
	assert_string_equal(got, "a\n\tb\\r\\x1b");
}

/* Valid by mbrtowc of a UTF-8 locale, and nothing below U+0020 or among the C1 controls in it. */
static void assert_valid(const char *text)
{
	size_t left = strlen(text);
	mbstate_t ps = {0};

	while (left) {
		wchar_t c = 0;
		size_t n = mbrtowc(&c, text, left, &ps);

		assert_in_range(n, 1, 4);
		assert_true(c >= 0x20 && !(c >= 0x7f && c < 0xa0));
		assert_false(c >= 0xd800 && c < 0xe000);
		text += n;
		left -= n;
	}
}

static void any_bytes_come_out_valid(void **state)
{
	unsigned seed = 4711;

	(void)state;
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		skip();
	for (int i = 0; i < 20000; i++) {
		char bytes[24];
		size_t len = (size_t)rand_r(&seed) % sizeof(bytes);
		char *once, *twice;

		for (size_t j = 0; j < len; j++) /* mostly lead and continuation bytes */
			bytes[j] = (char)(rand_r(&seed) % 4 ? 0x80 | rand_r(&seed) : rand_r(&seed));
		once = text_clean(bytes, len, 0);
		assert_valid(once);
		twice = text_clean(once, strlen(once), 0);
		assert_string_equal(once, twice);
		free(once);
		free(twice);
	}
}

/* All code points, as UTF-32 units: what passes is what the C library encodes the same way. */
static void every_code_point_of_a_string(void **state)
{
	unsigned passed = 0;

	(void)state;
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		skip();
	for (uint32_t c = 0; c < 0x110000; c++) {
		char *got = text_from_units(&c, 4, 4), want[8] = {0};
		mbstate_t ps = {0};

		if (got[0] == '\\' && c != '\\') {
			assert_true(strlen(got) > 1);
		} else {
			assert_in_range(wcrtomb(want, (wchar_t)c, &ps), 1, 4);
			assert_string_equal(got, want);
			passed++;
		}
		free(got);
	}
	assert_in_range(passed, 0x10f000 - 0x1000, 0x10ffff - 0x800);
}

static void assert_units(const void *units, size_t len, unsigned kind, const char *want)
{
	__cleanup_free char *got = text_from_units(units, len, kind);

	assert_string_equal(got, want);
}

static void strings_of_each_kind(void **state)
{
	static const uint16_t two[] = {0x4e2d, 'a', 0xd800, 0x1b};
	static const uint32_t four[] = {0x1f40d, 'a', 0x110000, 0xffffffff};

	(void)state;
	assert_units("gr\xf6\xdft", 5, 1, "größt");
	assert_units(two, 8, 2, "中a\\ud800\\x1b");
	assert_units(two, 7, 2, "中a\\ud800"); /* a partial unit is left out */
	assert_units(four, 16, 4,
		     "\U0001f40d"
		     "a\\U00110000\\Uffffffff");
	assert_units(two, 8, 3, "?");
	assert_units(two, 0, 2, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(harmless_text_passes),
		cmocka_unit_test(what_acts_becomes_visible),
		cmocka_unit_test(what_is_no_utf8_becomes_visible),
		cmocka_unit_test(newlines_may_be_kept),
		cmocka_unit_test(any_bytes_come_out_valid),
		cmocka_unit_test(every_code_point_of_a_string),
		cmocka_unit_test(strings_of_each_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
