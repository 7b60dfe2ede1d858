/* SPDX-License-Identifier: MIT */
#include "user/util/json_put.h"
#include "user/util/alloc.h"
#include "user/util/text.h"
#include <math.h>
#include <string.h>

/* Streams are written by one thread: their locks would take a good part of the time. */
static void put(const struct json_put *j, const char *bytes, size_t len)
{
	fwrite_unlocked(bytes, 1, len, j->out);
}

static void put_byte(const struct json_put *j, char c)
{
	putc_unlocked(c, j->out);
}

/* ---- strings --------------------------------------------------------------------------------- */

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&' && c != '\'';
}

/* The character at `s`: how many bytes of it are written. */
static size_t put_special(const struct json_put *j, const char *s)
{
	uint32_t c = 0;
	size_t len = text_from_utf8(s, strnlen(s, 4), &c);

	if (!len) {
		put(j, "\xef\xbf\xbd", 3);
		return 1;
	}
	if (c == '"' || c == '\\')
		put_byte(j, '\\');
	if (c == '\n')
		put(j, "\\n", 2);
	else if (c < 0x20 || (j->is_markup && c < 0x80 && strchr("<>&'", (int)c)))
		fprintf(j->out, "\\u%04x", c);
	else
		put(j, s, len);
	if (c == '<' && s[1] == '/' && !j->is_markup) {
		put(j, "\\/", 2);
		return 2;
	}
	return len;
}

static void put_string(const struct json_put *j, const char *text)
{
	put_byte(j, '"');
	while (*text) {
		const char *s = text;

		while (is_plain((unsigned char)*s))
			s++;
		put(j, text, (size_t)(s - text));
		text = s;
		if (*text)
			text += put_special(j, text);
	}
	put_byte(j, '"');
}

/* ---- structure ------------------------------------------------------------------------------- */

static void begin_line(struct json_put *j)
{
	put_byte(j, '\n');
	for (unsigned i = 0; i < j->depth && j->is_indented; i++)
		put_byte(j, ' ');
}

/* What comes before a value. */
static void begin(struct json_put *j, const char *key)
{
	if (j->not_first)
		put_byte(j, ',');
	if (j->depth && (j->is_line_wanted || j->is_indented))
		begin_line(j);
	j->is_line_wanted = false;
	j->not_first = j->depth;
	if (!key)
		return;
	put_string(j, key);
	put(j, ": ", j->is_indented ? 2 : 1);
}

static void open_bracket(struct json_put *j, const char *key, char bracket)
{
	begin(j, key);
	put_byte(j, bracket);
	j->depth++;
	j->not_first = false;
}

static void close_bracket(struct json_put *j, char bracket)
{
	j->depth--;
	if (j->is_indented && j->not_first)
		begin_line(j);
	put_byte(j, bracket);
	if (!j->depth)
		put_byte(j, '\n');
	j->not_first = j->depth;
}

void json_put_map(struct json_put *j, const char *key)
{
	open_bracket(j, key, '{');
}

void json_put_list(struct json_put *j, const char *key)
{
	open_bracket(j, key, '[');
}

void json_put_end_map(struct json_put *j)
{
	close_bracket(j, '}');
}

void json_put_end_list(struct json_put *j)
{
	close_bracket(j, ']');
}

void json_put_line(struct json_put *j)
{
	j->is_line_wanted = true;
}

/* ---- values ---------------------------------------------------------------------------------- */

void json_put_raw(struct json_put *j, const char *key, const char *json)
{
	begin(j, key);
	put(j, json, strlen(json));
}

void json_put_text(struct json_put *j, const char *key, const char *text)
{
	__cleanup_free char *clean = j->is_markup ? text_clean(text, strlen(text), TEXT_KEEP_NEWLINES) : NULL;

	begin(j, key);
	put_string(j, clean ? clean : text);
}

/* Zeros at the end go, but for the first decimal: a number that may have a fraction looks like one. */
static void put_number(struct json_put *j, const char *key, bool is_negative, uint64_t value, unsigned decimals)
{
	char text[24], *end = text + sizeof(text), *at = end, *point = end - decimals;

	begin(j, key);
	for (; value || at >= point; value /= 10)
		*--at = (char)('0' + value % 10);
	if (is_negative)
		*--at = '-';
	put(j, at, (size_t)(point - at));
	if (!decimals)
		return;
	while (end > point + 1 && end[-1] == '0')
		end--;
	put_byte(j, '.');
	put(j, point, (size_t)(end - point));
}

void json_put_count(struct json_put *j, const char *key, uint64_t value)
{
	put_number(j, key, false, value, 0);
}

void json_put_int(struct json_put *j, const char *key, int64_t value)
{
	json_put_fixed(j, key, value, 0);
}

void json_put_fixed(struct json_put *j, const char *key, int64_t value, unsigned decimals)
{
	put_number(j, key, value < 0, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, decimals);
}

void json_put_seconds(struct json_put *j, const char *key, uint64_t ns)
{
	put_number(j, key, false, ns, 9);
}

void json_put_real(struct json_put *j, const char *key, double value)
{
	char text[32];

	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	json_put_raw(j, key, isfinite(value) ? text : "null");
}

void json_put_bool(struct json_put *j, const char *key, bool value)
{
	json_put_raw(j, key, value ? "true" : "false");
}

void json_put_null(struct json_put *j, const char *key)
{
	json_put_raw(j, key, "null");
}
