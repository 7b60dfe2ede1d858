/* SPDX-License-Identifier: MIT */
#include "user/util/json_get.h"
#include "user/util/buf.h"
#include "user/util/text.h"
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_DIGITS 63 /* of a number that is asked for */

/* ---- errors ---------------------------------------------------------------------------------- */

static void fail(struct json_get *j, const char *where, const char *text)
{
	struct json_mark at = json_get_mark(j);

	if (j->err)
		return;
	j->err = -EINVAL;
	snprintf(j->error, sizeof(j->error), "line %llu, byte %llu: %s%s%s", (unsigned long long)at.line,
		 (unsigned long long)at.offset, where, *where ? ": " : "", text);
}

void json_refuse(struct json_get *j, const char *fmt, ...)
{
	struct buf path = {0};
	char text[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	buf_puts(&path, j->depth ? "" : "the document");
	for (unsigned i = 0; i < j->depth; i++) {
		const struct json_level *l = &j->levels[i];

		if (l->is_map)
			buf_printf(&path, "%s%s", i ? "." : "", l->key);
		else
			buf_printf(&path, "[%llu]", (unsigned long long)l->index);
	}
	fail(j, path.data, text);
	buf_free(&path);
}

/* ---- bytes ----------------------------------------------------------------------------------- */

static __attribute__((noinline)) bool fill(struct json_get *j)
{
	ssize_t len;

	if (j->err || j->fd < 0)
		return false;
	do
		len = read(j->fd, j->chunk, sizeof(j->chunk));
	while (len < 0 && errno == EINTR);
	if (len < 0) {
		int err = -errno;

		fail(j, "cannot be read", strerror(-err));
		j->err = err;
		return false;
	}
	j->at = j->chunk;
	j->end = j->at + len;
	j->end_offset += (uint64_t)len;
	return len > 0;
}

/* The next byte, -1 at the end. */
static inline int peek(struct json_get *j)
{
	return j->at < j->end || fill(j) ? *j->at : -1;
}

static int peek_token(struct json_get *j)
{
	int c;

	while ((c = peek(j)) == ' ' || c == '\n' || c == '\t' || c == '\r') {
		j->line += c == '\n';
		j->at++;
	}
	return c;
}

/* What is here is not JSON, or there is no more. */
static void fail_syntax(struct json_get *j, const char *expected)
{
	fail(j, "", peek(j) < 0 ? "the text ends too early" : expected);
}

static bool take(struct json_get *j, int wanted, const char *expected)
{
	if (!j->err && peek(j) == wanted)
		return j->at++, true;
	fail_syntax(j, expected);
	return false;
}

/* ---- strings --------------------------------------------------------------------------------- */

/* What is only skipped is not kept: it is cut from its first byte on. */
static void begin_text(struct json_get *j, bool is_kept)
{
	j->len = 0;
	j->is_cut = !is_kept;
}

static void keep(struct json_get *j, const void *bytes, size_t len, bool may_split)
{
	size_t room = JSON_MAX_TEXT - j->len;

	if (j->is_cut)
		return;
	if (len > room) {
		j->is_cut = true;
		len = may_split ? room : 0;
	}
	memcpy(j->text + j->len, bytes, len);
	j->len += len;
}

static void keep_code_point(struct json_get *j, uint32_t c)
{
	char utf8[4];

	keep(j, utf8, text_to_utf8(c, utf8), false);
}

static void keep_utf8(struct json_get *j)
{
	unsigned char bytes[4] = {(unsigned char)peek(j)};
	size_t len = bytes[0] >= 0xf0 ? 4 : bytes[0] >= 0xe0 ? 3 : 2, n = 1;
	uint32_t c;

	for (j->at++; n < len && peek(j) >= 0x80; j->at++)
		bytes[n++] = *j->at;
	if (text_from_utf8(bytes, n, &c) == n)
		keep(j, bytes, n, false);
	else
		fail(j, "", "a string is not valid UTF-8");
}

static uint32_t read_hex(struct json_get *j)
{
	uint32_t c = 0;

	for (int i = 0; i < 4; i++) {
		int digit = peek(j), letter = digit | 0x20;

		if (digit >= '0' && digit <= '9')
			c = c << 4 | (uint32_t)(digit - '0');
		else if (letter >= 'a' && letter <= 'f')
			c = c << 4 | (uint32_t)(letter - 'a' + 10);
		else
			return fail_syntax(j, "four hexadecimal digits must follow \\u"), 0;
		j->at++;
	}
	return c;
}

/* `high`: the first half of a surrogate pair, 0 none. A half without the other becomes U+FFFD. */
static void read_escape(struct json_get *j, uint32_t *high)
{
	static const char escapes[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
	int letter = peek(j);
	const char *found = letter > 0 ? strchr(escapes, letter) : NULL;
	uint32_t c, before = *high;

	if (!found && letter != 'u')
		return fail_syntax(j, "an unknown escape in a string");
	j->at++;
	c = found ? (unsigned char)meanings[found - escapes] : read_hex(j);
	*high = c >= 0xd800 && c < 0xdc00 ? c : 0;
	if (before && c >= 0xdc00 && c < 0xe000)
		return keep_code_point(j, 0x10000 + ((before - 0xd800) << 10) + (c - 0xdc00));
	if (before)
		keep_code_point(j, 0xfffd);
	if (!*high)
		keep_code_point(j, c >= 0xdc00 && c < 0xe000 ? 0xfffd : c);
}

static void keep_ascii(struct json_get *j)
{
	const unsigned char *s = j->at;

	while (s < j->end && *s >= 0x20 && *s < 0x80 && *s != '"' && *s != '\\')
		s++;
	keep(j, j->at, (size_t)(s - j->at), true);
	j->at = s;
}

/* From the opening quote on. */
static void read_string(struct json_get *j, bool is_kept)
{
	uint32_t high = 0;

	begin_text(j, is_kept);
	j->at++;
	while (!j->err) {
		int c = peek(j);

		if (c != '\\' && high) {
			keep_code_point(j, 0xfffd);
			high = 0;
		}
		if (c == '\\') {
			j->at++;
			read_escape(j, &high);
		} else if (c == '"') {
			j->at++;
			return;
		} else if (c < 0x20) {
			fail_syntax(j, "a control character in a string");
		} else if (c < 0x80) {
			keep_ascii(j);
		} else {
			keep_utf8(j);
		}
	}
}

/* ---- numbers and words ----------------------------------------------------------------------- */

static void keep_byte(struct json_get *j)
{
	keep(j, j->at++, 1, true);
}

static void read_digits(struct json_get *j)
{
	const unsigned char *s;
	int c = peek(j);

	if (c < '0' || c > '9')
		return fail_syntax(j, "a number needs a digit here");
	do {
		for (s = j->at; s < j->end && *s >= '0' && *s <= '9';)
			s++;
		keep(j, j->at, (size_t)(s - j->at), true);
		j->at = s;
		c = peek(j);
	} while (c >= '0' && c <= '9');
}

static void read_number(struct json_get *j, bool is_kept)
{
	begin_text(j, is_kept);
	if (peek(j) == '-')
		keep_byte(j);
	if (peek(j) == '0')
		keep_byte(j);
	else
		read_digits(j);
	if (peek(j) == '.') {
		keep_byte(j);
		read_digits(j);
	}
	if (peek(j) == 'e' || peek(j) == 'E') {
		keep_byte(j);
		if (peek(j) == '+' || peek(j) == '-')
			keep_byte(j);
		read_digits(j);
	}
}

static void read_word(struct json_get *j, const char *word)
{
	while (*word && take(j, *word, "no word of JSON"))
		word++;
}

/* ---- structure ------------------------------------------------------------------------------- */

enum json_kind json_get_kind(struct json_get *j)
{
	static const uint8_t kinds[256] = {
		['{'] = JSON_MAP,    ['['] = JSON_LIST,           ['"'] = JSON_STRING,
		['-'] = JSON_NUMBER, ['0' ... '9'] = JSON_NUMBER, ['t'] = JSON_BOOL,
		['f'] = JSON_BOOL,   ['n'] = JSON_NULL,
	};
	int c = j->err ? -1 : peek_token(j);

	return c < 0 ? JSON_NOTHING : (enum json_kind)kinds[c];
}

static bool expect(struct json_get *j, enum json_kind kind, const char *what)
{
	if (json_get_kind(j) == kind)
		return true;
	if (!j->err && peek(j) < 0)
		fail_syntax(j, what);
	json_refuse_value(j, what);
	return false;
}

static void enter(struct json_get *j, bool is_map)
{
	if (!expect(j, is_map ? JSON_MAP : JSON_LIST, is_map ? "an object" : "a list"))
		return;
	if (j->depth == JSON_MAX_DEPTH)
		return fail(j, "", "nested too deeply");
	j->at++;
	j->levels[j->depth++] = (struct json_level){.is_map = is_map, .is_first = true};
}

void json_get_map(struct json_get *j)
{
	enter(j, true);
}

void json_get_list(struct json_get *j)
{
	enter(j, false);
}

/* Over the comma to the next member, or out. */
static struct json_level *next(struct json_get *j, int end)
{
	struct json_level *l;

	if (j->err)
		return NULL;
	l = &j->levels[j->depth - 1];
	if (peek_token(j) == end) {
		j->at++;
		j->depth--;
		return NULL;
	}
	if (!l->is_first && !take(j, ',', "a comma or the end of an object or a list was expected"))
		return NULL;
	l->index += !l->is_first;
	l->is_first = false;
	return l;
}

bool json_get_element(struct json_get *j)
{
	return next(j, ']');
}

static void keep_key(struct json_get *j, struct json_level *l)
{
	size_t len = j->len < sizeof(l->key) ? j->len : sizeof(l->key) - 1;

	memcpy(l->key, j->text, len);
	l->key[len] = 0;
}

bool json_get_key(struct json_get *j)
{
	struct json_level *l;

	while ((l = next(j, '}'))) {
		if (peek_token(j) != '"')
			return fail_syntax(j, "a key in quotes was expected"), false;
		read_string(j, true);
		keep_key(j, l);
		peek_token(j);
		if (!take(j, ':', "a colon was expected"))
			return false;
		if (json_get_kind(j) != JSON_NULL)
			return true;
		read_word(j, "null");
	}
	return false;
}

bool json_is(const struct json_get *j, const char *key)
{
	return !strcmp(j->levels[j->depth - 1].key, key);
}

/* ---- values ---------------------------------------------------------------------------------- */

static const char *text_of(struct json_get *j, size_t *len)
{
	if (j->err)
		j->len = 0;
	j->text[j->len] = 0;
	if (len)
		*len = j->len;
	return j->text;
}

const char *json_get_text(struct json_get *j, size_t *len)
{
	if (expect(j, JSON_STRING, "a string"))
		read_string(j, true);
	return text_of(j, len);
}

static const char *get_digits(struct json_get *j, const char *what)
{
	if (expect(j, JSON_NUMBER, what)) {
		read_number(j, true);
		if (j->len > MAX_DIGITS)
			json_refuse(j, "a number has too many digits");
	}
	return text_of(j, NULL);
}

const char *json_get_digits(struct json_get *j)
{
	return get_digits(j, "a number");
}

double json_get_real(struct json_get *j)
{
	double value = strtod(get_digits(j, "a number"), NULL);

	if (!isfinite(value))
		json_refuse_value(j, "a number");
	return j->err ? 0 : value;
}

bool json_to_whole(const char *digits, int64_t least, int64_t most, int64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoll(digits, &end, 10);
	if (*end) {
		double d = strtod(digits, &end);

		if (*end || !(fabs(d) < 9e15) || d != floor(d))
			return false;
		*out = (int64_t)d;
	}
	return !errno && end > digits && *out >= least && *out <= most;
}

int64_t json_get_whole(struct json_get *j, int64_t least, int64_t most)
{
	int64_t value;

	if (!json_to_whole(get_digits(j, "a whole number"), least, most, &value))
		json_refuse_value(j, "a whole number");
	return j->err ? 0 : value;
}

bool json_get_bool(struct json_get *j)
{
	bool value = false;

	if (expect(j, JSON_BOOL, "true or false")) {
		value = peek(j) == 't';
		read_word(j, value ? "true" : "false");
	}
	return value && !j->err;
}

void json_skip(struct json_get *j)
{
	switch (json_get_kind(j)) {
	case JSON_MAP:
		for (json_get_map(j); json_get_key(j);)
			json_skip(j);
		break;
	case JSON_LIST:
		for (json_get_list(j); json_get_element(j);)
			json_skip(j);
		break;
	case JSON_STRING:
		read_string(j, false);
		break;
	case JSON_NUMBER:
		read_number(j, false);
		break;
	case JSON_BOOL:
		json_get_bool(j);
		break;
	case JSON_NULL:
		read_word(j, "null");
		break;
	default:
		fail_syntax(j, "a value was expected");
	}
}

/* ---- the text as a whole --------------------------------------------------------------------- */

void json_get__open(struct json_get *j, int fd)
{
	j->fd = fd;
	j->at = j->end = j->chunk;
	j->end_offset = 0;
	j->line = 1;
	j->depth = 0;
	j->err = 0;
}

void json_get__open_text(struct json_get *j, const char *text, size_t len)
{
	json_get__open(j, -1);
	j->at = (const unsigned char *)text;
	j->end = j->at + len;
	j->end_offset = len;
}

int json_get__end(struct json_get *j)
{
	if (!j->err && peek_token(j) >= 0)
		fail(j, "", "something follows the end of the document");
	return j->err;
}

struct json_mark json_get_mark(struct json_get *j)
{
	return (struct json_mark){j->end_offset - (uint64_t)(j->end - j->at), j->line};
}

void json_get__return(struct json_get *j, const char *key, struct json_mark to)
{
	j->at = j->end = j->chunk;
	j->end_offset = to.offset;
	j->line = to.line;
	j->levels[0] = (struct json_level){.is_map = true};
	snprintf(j->levels[0].key, sizeof(j->levels[0].key), "%s", key);
	j->depth = 1;
	j->err = 0;
	if (lseek(j->fd, (off_t)to.offset, SEEK_SET) < 0)
		fail(j, "cannot be read again", strerror(errno));
}
