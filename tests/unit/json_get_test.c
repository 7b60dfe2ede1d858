/* SPDX-License-Identifier: MIT */
/* The pull parser: values and their bounds, escapes and UTF-8, what is refused and where, text in pieces of any size. */
#include "tests/unit/json_tree.h"
#include "user/util/buf.h"
#include <errno.h>
#include <fcntl.h>

static struct json_get j; /* too large for a stack */

static void open_text(const char *text)
{
	json_get__open(&j, json_file_of(text, strlen(text)));
}

static int end(void)
{
	int err = json_get__end(&j);

	close(j.fd);
	return err;
}

static void values_are_read(void **state)
{
	size_t len;

	(void)state;
	open_text(" {\"a\": 7, \"none\": null, \"b\" : [1.5, -2e3, true, false, \"x\"],\n\"c\":{}, \"d\": [] } ");
	json_get_map(&j);
	assert_true(json_get_key(&j) && json_is(&j, "a"));
	assert_int_equal(json_get_whole(&j, 0, 7), 7);
	assert_true(json_get_key(&j) && json_is(&j, "b"));
	json_get_list(&j);
	assert_true(json_get_element(&j));
	assert_true(json_get_real(&j) == 1.5);
	assert_true(json_get_element(&j));
	assert_int_equal(json_get_whole(&j, -5000, 0), -2000);
	assert_true(json_get_element(&j) && json_get_bool(&j));
	assert_true(json_get_element(&j) && !json_get_bool(&j));
	assert_true(json_get_element(&j));
	assert_string_equal(json_get_text(&j, &len), "x");
	assert_int_equal(len, 1);
	assert_false(json_get_element(&j));
	assert_true(json_get_key(&j) && json_is(&j, "c"));
	json_get_map(&j);
	assert_false(json_get_key(&j));
	assert_true(json_get_key(&j) && json_is(&j, "d"));
	json_get_list(&j);
	assert_false(json_get_element(&j));
	assert_false(json_get_key(&j));
	assert_int_equal(end(), 0);
}

/* ---- strings --------------------------------------------------------------------------------- */

static const struct {
	const char *json, *text; /* NULL: refused */
} strings[] = {
	{"\"\"", ""},
	{"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
	{"\"\\u0041\\u00e9\\u20AC\"", "Aé€"},
	{"\"\\ud83d\\ude00!\"", "😀!"},
	{"\"é€😀\"", "é€😀"},
	/* halves of surrogate pairs */
	{"\"\\ud83d\"", "\xef\xbf\xbd"},
	{"\"\\ude00x\"", "\xef\xbf\xbdx"},
	{"\"\\ud83dx\"", "\xef\xbf\xbdx"},
	{"\"\\ud83d\\n\"", "\xef\xbf\xbd\n"},
	{"\"\\ud83d\\ud83d\\ude00\"", "\xef\xbf\xbd😀"},
	{"\"\\ud83d\\u0041\"", "\xef\xbf\xbd"
			       "A"},
	{"\"\\u00g0\"", NULL},
	{"\"\\u12\"", NULL},
	{"\"\\x\"", NULL},
	{"\"\n\"", NULL},
	{"\"\x1f\"", NULL},
	/* no UTF-8: a byte alone, too long, a surrogate, beyond the last, cut short */
	{"\"\x80\"", NULL},
	{"\"\xff\"", NULL},
	{"\"\xc0\xaf\"", NULL},
	{"\"\xe0\x80\xaf\"", NULL},
	{"\"\xed\xa0\x80\"", NULL},
	{"\"\xf4\x90\x80\x80\"", NULL},
	{"\"\xe2\x82\"", NULL},
	{"\"\xe2\x82", NULL},
	{"\"x", NULL},
	{"\"\\", NULL},
};

static void strings_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
		const char *text;

		open_text(strings[i].json);
		text = json_get_text(&j, NULL);
		assert_int_equal(end() ? 1 : 0, !strings[i].text);
		assert_string_equal(text, strings[i].text ? strings[i].text : "");
	}
}

static void zero_bytes_are_kept(void **state)
{
	size_t len;

	(void)state;
	open_text("\"a\\u0000b\"");
	assert_memory_equal(json_get_text(&j, &len), "a\0b", 4);
	assert_int_equal(len, 3);
}

/* Too long a string is cut between two characters. */
static void long_strings_are_cut(void **state)
{
	struct buf text = {0};
	size_t len;

	(void)state;
	buf_puts(&text, "[\"x");
	for (int i = 0; i < JSON_MAX_TEXT; i++)
		buf_puts(&text, "€");
	buf_puts(&text, "\",1]");
	open_text(text.data);
	json_get_list(&j);
	assert_true(json_get_element(&j));
	json_get_text(&j, &len);
	assert_int_equal(strlen(j.text), len);
	assert_int_equal(len, 1 + (JSON_MAX_TEXT - 1) / 3 * 3);
	assert_true(json_get_element(&j));
	assert_int_equal(json_get_whole(&j, 1, 1), 1);
	assert_false(json_get_element(&j));
	assert_int_equal(end(), 0);
	buf_free(&text);
}

/* ---- numbers --------------------------------------------------------------------------------- */

static const struct {
	const char *json;
	bool is_number, is_whole;
	double value;
} numbers[] = {
	{"0", true, true, 0},
	{"-0", true, true, 0},
	{"5.0", true, true, 5},
	{"1e3", true, true, 1000},
	{"1E+3", true, true, 1000},
	{"25e-1", true, false, 2.5},
	{"-1.25", true, false, -1.25},
	{"9223372036854775807", true, true, 9223372036854775807.0},
	{"9223372036854775808", true, false, 9223372036854775808.0},
	{"1e300", true, false, 1e300},
	{"01", false, false, 0},
	{"1.", false, false, 0},
	{".5", false, false, 0},
	{"+1", false, false, 0},
	{"-", false, false, 0},
	{"1e", false, false, 0},
	{"1e999", false, false, 0},
	{"0x10", false, false, 0},
	{"NaN", false, false, 0},
	{"Infinity", false, false, 0},
	{"1111111111111111111111111111111111111111111111111111111111111111", false, false, 0},
};

static void numbers_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		double value;

		open_text(numbers[i].json);
		value = json_get_real(&j);
		assert_int_equal(!end(), numbers[i].is_number);
		assert_true(!numbers[i].is_number || value == numbers[i].value);
		open_text(numbers[i].json);
		value = (double)json_get_whole(&j, INT64_MIN, INT64_MAX);
		assert_int_equal(!end(), numbers[i].is_whole);
		assert_true(!numbers[i].is_whole || value == numbers[i].value);
	}
	open_text("256");
	assert_int_equal(json_get_whole(&j, 0, 255), 0);
	assert_int_equal(j.err, -EINVAL);
}

/* ---- what is refused ------------------------------------------------------------------------- */

static const struct {
	const char *json, *says;
} wrong[] = {
	{"", "line 1, byte 0: the text ends too early"},
	{"{", "line 1, byte 1: the text ends too early"},
	{"[1,\n2", "line 2, byte 5: the text ends too early"},
	{"[1, tru", "line 1, byte 7: the text ends too early"},
	{"[1 2]", "line 1, byte 3: a comma or the end"},
	{"[1,]", "line 1, byte 3: a value was expected"},
	{"[,1]", "line 1, byte 1: a value was expected"},
	{"{\"a\":1,}", "line 1, byte 7: a key in quotes"},
	{"{a:1}", "line 1, byte 1: a key in quotes"},
	{"{\"a\" 1}", "line 1, byte 5: a colon"},
	{"{\"a\":}", "line 1, byte 5: a value"},
	{"[1}", "line 1, byte 2: a comma or the end"},
	{"[nul]", "no word of JSON"},
	{"{\"a\": nulx}", "no word of JSON"},
	{"[] []", "line 1, byte 3: something follows"},
	{"[1] x", "line 1, byte 4: something follows"},
	{"[01]", "line 1, byte 2: a comma"},
	{"[-]", "needs a digit"},
	{"['a']", "a value was expected"},
	{"[\"\xff\"]", "not valid UTF-8"},
};

static void what_is_no_json_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		open_text(wrong[i].json);
		json_skip(&j);
		if (end() != -EINVAL || !strstr(j.error, wrong[i].says))
			fail_msg("%s\nsays %s\nnot %s", wrong[i].json, j.err ? j.error : "nothing", wrong[i].says);
	}
}

/* An error says where, and stays. */
static void errors_name_the_value(void **state)
{
	(void)state;
	open_text("{\"a\":\n[[], {\"b\": [true, \"x\"]}]}");
	json_get_map(&j);
	assert_true(json_get_key(&j));
	json_get_list(&j);
	assert_true(json_get_element(&j));
	json_skip(&j);
	assert_true(json_get_element(&j));
	json_get_map(&j);
	assert_true(json_get_key(&j));
	json_get_list(&j);
	assert_true(json_get_element(&j) && json_get_bool(&j));
	assert_true(json_get_element(&j));
	assert_int_equal(json_get_whole(&j, 0, 9), 0);
	assert_string_equal(j.error, "line 2, byte 24: a[1].b[1]: must be a whole number");
	assert_string_equal(json_get_text(&j, NULL), "");
	json_skip(&j);
	json_get_map(&j);
	assert_false(json_get_key(&j));
	assert_false(json_get_element(&j));
	json_refuse(&j, "another one");
	assert_int_equal(end(), -EINVAL);
	assert_string_equal(j.error, "line 2, byte 24: a[1].b[1]: must be a whole number");
}

static void depth_is_bounded(void **state)
{
	char text[2 * JSON_MAX_DEPTH + 3] = "";

	(void)state;
	memset(text, '[', JSON_MAX_DEPTH);
	memset(text + JSON_MAX_DEPTH, ']', JSON_MAX_DEPTH);
	open_text(text);
	json_skip(&j);
	assert_int_equal(end(), 0);
	memset(text, '[', JSON_MAX_DEPTH + 1);
	open_text(text);
	json_skip(&j);
	assert_int_equal(end(), -EINVAL);
	assert_non_null(strstr(j.error, "byte 64: nested too deeply"));
}

/* ---- files ----------------------------------------------------------------------------------- */

/* Pieces of a pipe end anywhere: behind each byte of the text. */
static void pieces_of_any_size(void **state)
{
	static const char text[] = "{\"k\\u00e9y\":[-12.5e+1,\"€\\ud83d\\ude00\",true,null]}\n";

	(void)state;
	for (size_t cut = 0; cut < sizeof(text); cut++) {
		int ends[2];

		assert_int_equal(pipe(ends), 0);
		if (!fork()) {
			/* the reader waits for the rest: two writes are two reads */
			ssize_t n = write(ends[1], text, cut);

			usleep(500);
			n += write(ends[1], text + cut, sizeof(text) - 1 - cut);
			_exit(n < 0);
		}
		close(ends[1]);
		json_get__open(&j, ends[0]);
		json_get_map(&j);
		assert_true(json_get_key(&j) && json_is(&j, "kéy"));
		json_get_list(&j);
		assert_true(json_get_element(&j));
		assert_true(json_get_real(&j) == -125);
		assert_true(json_get_element(&j));
		assert_string_equal(json_get_text(&j, NULL), "€😀");
		assert_true(json_get_element(&j) && json_get_bool(&j));
		assert_true(json_get_element(&j) && json_get_kind(&j) == JSON_NULL);
		json_skip(&j);
		assert_false(json_get_element(&j));
		assert_false(json_get_key(&j));
		assert_int_equal(end(), 0);
		close(ends[0]);
	}
}

static void what_cannot_be_read_is_said(void **state)
{
	__cleanup_close int fd = open("/", O_RDONLY | O_CLOEXEC);

	(void)state;
	json_get__open(&j, fd);
	json_skip(&j);
	assert_int_equal(end(), -EISDIR);
	assert_string_equal(j.error, "line 1, byte 0: cannot be read: Is a directory");
}

static void values_are_read_again(void **state)
{
	char path[] = "/tmp/json_get_test.XXXXXX";
	__cleanup_close int fd = mkstemp(path);
	struct json_mark mark;

	(void)state;
	unlink(path);
	assert_true(write(fd, "{\"a\":\n\n [1, x]}", 15) == 15);
	lseek(fd, 0, SEEK_SET);
	json_get__open(&j, fd);
	json_get_map(&j);
	assert_true(json_get_key(&j));
	mark = json_get_mark(&j);
	json_skip(&j);
	assert_int_equal(j.err, -EINVAL);
	json_get__return(&j, "a", mark);
	json_get_list(&j);
	assert_true(json_get_element(&j));
	assert_int_equal(json_get_whole(&j, 0, 9), 1);
	assert_true(json_get_element(&j));
	assert_int_equal(json_get_whole(&j, 0, 9), 0);
	assert_string_equal(j.error, "line 3, byte 12: a[1]: must be a whole number");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_read),       cmocka_unit_test(strings_are_read),
		cmocka_unit_test(zero_bytes_are_kept),   cmocka_unit_test(long_strings_are_cut),
		cmocka_unit_test(numbers_are_read),      cmocka_unit_test(what_is_no_json_is_refused),
		cmocka_unit_test(errors_name_the_value), cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(pieces_of_any_size),    cmocka_unit_test(what_cannot_be_read_is_said),
		cmocka_unit_test(values_are_read_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
