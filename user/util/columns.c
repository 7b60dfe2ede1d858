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

static char *fit(const char *text, size_t width, enum columns_keep keep)
{
	size_t columns = count(text), skip;
	struct buf out = {0};

	if (columns <= width) {
		buf_puts(&out, text);
	} else if (width && keep == COLUMNS_KEEP_START) {
		buf_put(&out, text, head_bytes(text, width - 1));
		buf_puts(&out, "…");
	} else if (width) {
		/* one column more may have to go where a wide character is cut in half */
		skip = head_bytes(text, columns - (width - 1));
		if (count(text + skip) > width - 1)
			skip += next_char(text + skip, &columns);
		buf_printf(&out, "…%s", text + skip);
	}
	for (columns = out.len ? count(out.data) : 0; columns < width; columns++)
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

char *columns_fit(const char *text, size_t width, enum columns_keep keep)
{
	locale_t old = uselocale(utf8_locale());
	char *out = fit(text, width, keep);

	uselocale(old);
	return out;
}

char *columns_at_most(const char *text, size_t width, enum columns_keep keep)
{
	return columns_of(text) <= width ? xstrdup(text) : columns_fit(text, width, keep);
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
