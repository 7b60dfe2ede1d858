/* SPDX-License-Identifier: MIT */
/*
 * Text in the columns of a terminal. wcwidth() knows the widths, but only under a UTF-8 locale,
 * which the program does not run under; it is asked under one of its own.
 */
#include "user/util/columns.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include <locale.h>
#include <string.h>
#include <wchar.h>

#define LEAST_NAME  8  /* columns of a name beside which a file is worth showing */
#define LEAST_WORDS 12 /* columns for words; less would be read downwards */

static locale_t utf8_locale(void)
{
	static locale_t locale;

	if (!locale)
		locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	return locale;
}

/* The next character of clean UTF-8: its bytes, and its columns. */
static size_t next_char(const char *text, size_t *columns)
{
	wchar_t c = (unsigned char)*text;
	size_t len = 1;
	int width;

	if (c >= 0xc0)
		c &= c >= 0xf0 ? 0x07 : c >= 0xe0 ? 0x0f : 0x1f;
	for (; ((unsigned char)text[len] & 0xc0) == 0x80; len++)
		c = c << 6 | (text[len] & 0x3f);
	width = wcwidth(c);
	*columns = width < 0 ? 1 : (size_t)width;
	return len;
}

static size_t count(const char *text)
{
	size_t total = 0, columns;

	for (; *text; text += next_char(text, &columns), total += columns)
		;
	return total;
}

/* The most bytes from the start of `text` that fit into `width` columns. */
static size_t head_bytes(const char *text, size_t width)
{
	size_t bytes = 0, columns, len;

	while (text[bytes]) {
		len = next_char(text + bytes, &columns);
		if (columns > width)
			break;
		width -= columns;
		bytes += len;
	}
	return bytes;
}

/* The longest end of `text` that begins at one of `marks` and fits; a dot before it goes with what is cut. NULL: none. */
static const char *end_at(const char *text, const char *marks, size_t width)
{
	for (const char *c = text; *c; c++) {
		const char *end = *c == '.' ? c + 1 : c;

		if (c > text && strchr(marks, *c) && *end && count(end) <= width)
			return end;
	}
	return NULL;
}

static void cut_start(struct buf *out, const char *text, size_t width)
{
	buf_put(out, text, head_bytes(text, width - 1));
	buf_puts(out, "…");
}

static void cut_end(struct buf *out, const char *text, size_t width)
{
	size_t skip = head_bytes(text, count(text) - (width - 1)), columns;

	/* one column more may have to go where a wide character is cut in half */
	if (count(text + skip) > width - 1)
		skip += next_char(text + skip, &columns);
	buf_printf(out, "…%s", text + skip);
}

static void cut_name(struct buf *out, const char *text, size_t width)
{
	const char *end = end_at(text, ".", width - 1);

	if (!end)
		end = end_at(text, "._", width - 1);
	if (end)
		buf_printf(out, "…%s", end);
	else
		cut_start(out, text, width);
}

static size_t least_path(const char *path)
{
	const char *base = strrchr(path, '/');

	return count(base && base[1] ? base + 1 : path);
}

static void cut_path(struct buf *out, const char *text, size_t width)
{
	const char *end = end_at(text, "/", width - 1), *base = strrchr(text, '/');

	if (!end && base && base[1] && count(base + 1) <= width) {
		buf_puts(out, base + 1);
		return;
	}
	if (!end)
		end = end_at(text, "/_-", width - 1);
	if (end)
		buf_printf(out, "…%s", end);
	else
		cut_end(out, text, width);
}

static size_t line(const char *text, size_t width);

static void cut_words(struct buf *out, const char *text, size_t width)
{
	size_t len = width > 2 ? line(text, width - 2) : 0;

	if (len && text[len] == ' ')
		buf_printf(out, "%.*s …", (int)len, text);
	else
		cut_start(out, text, width);
}

static void put_cut(struct buf *out, const char *text, size_t width, enum columns_keep keep);

/* The first words, and parts of words. */
static void cut_parts(struct buf *out, const char *text, size_t width)
{
	static const char marks[] = " _-/.=,:";
	size_t len = head_bytes(text, width - 1);

	while (len && !strchr(marks, text[len]) && !strchr(marks, text[len - 1]))
		len--;
	if (len)
		buf_printf(out, "%.*s…", (int)len, text);
	else
		cut_start(out, text, width);
}

/* From the left on, until it fits. */
static void cut_command(struct buf *out, const char *text, size_t width)
{
	struct buf shorter = {0};
	size_t len;

	for (; *text && count(shorter.len ? shorter.data : "") + count(text) > width; text += len) {
		const char *slash, *last;

		len = strcspn(text, " ");
		slash = memchr(text, '/', len);
		last = slash ? memrchr(text, '/', len) : NULL;
		if (slash && last + 1 < text + len) {
			buf_put(&shorter, text, (size_t)(slash - text));
			buf_put(&shorter, last + 1, (size_t)(text + len - last - 1));
		} else {
			buf_put(&shorter, text, len);
		}
		for (; text[len] == ' '; len++)
			buf_puts(&shorter, " ");
	}
	buf_puts(&shorter, text);
	if (count(shorter.data) <= width)
		buf_puts(out, shorter.data);
	else
		cut_parts(out, shorter.data, width);
	buf_free(&shorter);
}

/* "name (path:line)": folders go first, then what the name is in, then the path. */
static void cut_frame(struct buf *out, const char *text, size_t width)
{
	const char *bracket = NULL;
	__cleanup_free char *name = NULL, *path = NULL;
	size_t rest;

	for (const char *c = text; (c = strstr(c, " (")); c++)
		bracket = c;
	if (!bracket) {
		cut_words(out, text, width);
		return;
	}
	name = xstrndup(text, (size_t)(bracket - text));
	path = xstrndup(bracket + 2, strlen(bracket + 2) - (text[strlen(text) - 1] == ')'));
	rest = least_path(path);
	if (rest + 3 + count(name) > width && rest + 3 + LEAST_NAME > width) {
		put_cut(out, name, width, COLUMNS_KEEP_NAME);
		return;
	}
	put_cut(out, name, width - rest - 3, COLUMNS_KEEP_NAME);
	buf_puts(out, " (");
	put_cut(out, path, width - count(out->data) - 1, COLUMNS_KEEP_PATH);
	buf_puts(out, ")");
}

/* Nothing is added to what fits. */
static void put_cut(struct buf *out, const char *text, size_t width, enum columns_keep keep)
{
	static void (*const cuts[])(struct buf *out, const char *text, size_t width) = {
		[COLUMNS_KEEP_START] = cut_start,     [COLUMNS_KEEP_END] = cut_end,
		[COLUMNS_KEEP_NAME] = cut_name,       [COLUMNS_KEEP_PATH] = cut_path,
		[COLUMNS_KEEP_WORDS] = cut_words,     [COLUMNS_KEEP_FRAME] = cut_frame,
		[COLUMNS_KEEP_COMMAND] = cut_command,
	};

	if (count(text) <= width)
		buf_puts(out, text);
	else if (width)
		cuts[keep](out, text, width);
}

static char *fit(const char *text, size_t width, enum columns_keep keep)
{
	struct buf out = {0};

	put_cut(&out, text, width, keep);
	for (size_t columns = out.len ? count(out.data) : 0; columns < width; columns++)
		buf_puts(&out, " ");
	return buf_steal_text(&out);
}

size_t columns_of(const char *text)
{
	locale_t old = uselocale(utf8_locale());
	size_t columns = count(text);

	uselocale(old);
	return columns;
}

size_t columns_of_file(const char *path)
{
	locale_t old = uselocale(utf8_locale());
	size_t columns = least_path(path);

	uselocale(old);
	return columns;
}

size_t columns_of_function(const char *name)
{
	const char *last = strrchr(name, '.');

	return last && last[1] ? columns_of(last + 1) + 1 : columns_of(name);
}

char *columns_fit(const char *text, size_t width, enum columns_keep keep)
{
	locale_t old = uselocale(utf8_locale());
	char *out = fit(text, width, keep);

	uselocale(old);
	return out;
}

char *columns_at_most(const char *text, size_t width, enum columns_keep keep)
{
	locale_t old = uselocale(utf8_locale());
	struct buf out = {0};

	put_cut(&out, text, width, keep);
	uselocale(old);
	return buf_steal_text(&out);
}

static size_t line(const char *text, size_t width)
{
	size_t fits = head_bytes(text, width), at = fits;

	if (!text[fits])
		return fits;
	while (at && text[at] != ' ')
		at--;
	if (at)
		return at;
	return fits ? fits : 1; /* something at least, or there would be no end */
}

size_t columns_line(const char *text, size_t width)
{
	locale_t old = uselocale(utf8_locale());
	size_t len = line(text, width);

	uselocale(old);
	return len;
}

char *columns_wrap(const char *text, size_t width, size_t indent)
{
	size_t room = width > indent + LEAST_WORDS ? width - indent : LEAST_WORDS;
	struct buf out = {0};

	for (size_t len; *text; text += len + strspn(text + len, " ")) {
		len = columns_line(text, room);
		if (out.len)
			buf_printf(&out, "\n%*s", (int)indent, "");
		buf_put(&out, text, len);
		while (out.len && out.data[out.len - 1] == ' ')
			out.data[--out.len] = 0;
	}
	return buf_steal_text(&out);
}
