/* SPDX-License-Identifier: MIT */
/* The JSON writer: commas and lines, escapes of any bytes, exact numbers; all of it is read back. */
#include "tests/unit/json_tree.h"
#include "user/util/json_put.h"
#include <math.h>

static struct json_put j;
static char *text;
static size_t len;

static void begin(void)
{
	j = (struct json_put){.out = open_memstream(&text, &len)};
}

static void assert_written(const char *want)
{
	fclose(j.out);
	assert_string_equal(text, want);
	free(text);
}

static void documents_are_nested(void **state)
{
	(void)state;
	begin();
	json_put_map(&j, NULL);
	json_put_list(&j, "a");
	json_put_end_list(&j);
	json_put_list(&j, "b");
	for (int i = 0; i < 2; i++) {
		json_put_line(&j);
		json_put_map(&j, NULL);
		json_put_bool(&j, "c", i);
		json_put_null(&j, "d");
		json_put_end_map(&j);
	}
	json_put_end_list(&j);
	json_put_raw(&j, "e\"", "[1]");
	json_put_end_map(&j);
	json_put_line(&j);
	json_put_list(&j, NULL);
	json_put_count(&j, NULL, 1);
	json_put_count(&j, NULL, 2);
	json_put_end_list(&j);
	assert_written(
		"{\"a\":[],\"b\":[\n{\"c\":false,\"d\":null},\n{\"c\":true,\"d\":null}],\"e\\\"\":[1]}\n[1,2]\n");
}

static void people_get_lines(void **state)
{
	(void)state;
	begin();
	j.is_indented = true;
	json_put_map(&j, NULL);
	json_put_count(&j, "a", 1);
	json_put_list(&j, "b");
	json_put_count(&j, NULL, 2);
	json_put_count(&j, NULL, 3);
	json_put_end_list(&j);
	json_put_map(&j, "c");
	json_put_end_map(&j);
	json_put_end_map(&j);
	assert_written("{\n \"a\": 1,\n \"b\": [\n  2,\n  3\n ],\n \"c\": {}\n}\n");
}

static const struct {
	const char *text, *json, *markup; /* markup NULL: the same */
} strings[] = {
	{"", "\"\"", NULL},
	{"a\"b\\c/d", "\"a\\\"b\\\\c/d\"", NULL},
	{"\n", "\"\\n\"", NULL},
	{"\x01\x1f\x7f", "\"\\u0001\\u001f\x7f\"", "\"\\\\x01\\\\x1f\\\\x7f\""},
	{"<module>", "\"<module>\"", "\"\\u003cmodule\\u003e\""},
	{"</script>", "\"<\\/script>\"", "\"\\u003c/script\\u003e\""},
	{"<", "\"<\"", "\"\\u003c\""},
	{"&'ļ", "\"&'ļ\"", "\"\\u0026\\u0027ļ\""},
	{"é€😀", "\"é€😀\"", NULL},
	{"a\xff", "\"a\xef\xbf\xbd\"", "\"a\\\\xff\""},
	{"\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\"", "\"\\\\xe2\\\\x82\""},
	{"\xed\xa0\x80x", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdx\"", "\"\\\\xed\\\\xa0\\\\x80x\""},
};

static void texts_are_escaped(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
		begin();
		json_put_text(&j, NULL, strings[i].text);
		assert_written(strings[i].json);
		begin();
		j.is_markup = true;
		json_put_text(&j, NULL, strings[i].text);
		assert_written(strings[i].markup ? strings[i].markup : strings[i].json);
	}
}

/* Every byte alone, behind and before others: always JSON, and what is UTF-8 comes back as it was. */
static void any_byte_is_json(void **state)
{
	(void)state;
	for (int c = 1; c < 256; c++) {
		const char bytes[] = {'<', (char)c, 'x', (char)c, 0};
		struct json_tree t;

		begin();
		json_put_text(&j, NULL, bytes);
		fclose(j.out);
		t = json_tree_of(text, len);
		if (c < 0x80)
			assert_string_equal(t.text, bytes);
		json_tree__free(&t);
		free(text);
	}
}

static void numbers_are_exact(void **state)
{
	(void)state;
	begin();
	json_put_list(&j, NULL);
	json_put_count(&j, NULL, 0);
	json_put_count(&j, NULL, UINT64_MAX);
	json_put_int(&j, NULL, INT64_MIN);
	json_put_seconds(&j, NULL, 0);
	json_put_seconds(&j, NULL, 1);
	json_put_seconds(&j, NULL, 1790000000123456789);
	json_put_seconds(&j, NULL, 1500000000);
	json_put_seconds(&j, NULL, 20000000000);
	json_put_fixed(&j, NULL, -1500, 3);
	json_put_fixed(&j, NULL, -1, 6);
	json_put_end_list(&j);
	assert_written(
		"[0,18446744073709551615,-9223372036854775808,0.0,0.000000001,1790000000.123456789,1.5,20.0,-1.5,"
		"-0.000001]\n");
}

static void doubles_come_back(void **state)
{
	static const double values[] = {0, -0.1, 0.1 + 0.2, 1e300, 5e-324, 99.4, 1.0 / 3};

	(void)state;
	begin();
	json_put_list(&j, NULL);
	json_put_real(&j, NULL, 99.4);
	json_put_real(&j, NULL, NAN);
	json_put_real(&j, NULL, -INFINITY);
	json_put_end_list(&j);
	assert_written("[99.4,null,null]\n");
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		begin();
		json_put_real(&j, NULL, values[i]);
		fclose(j.out);
		assert_true(strtod(text, NULL) == values[i]);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_are_nested), cmocka_unit_test(people_get_lines),
		cmocka_unit_test(texts_are_escaped),    cmocka_unit_test(any_byte_is_json),
		cmocka_unit_test(numbers_are_exact),    cmocka_unit_test(doubles_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
