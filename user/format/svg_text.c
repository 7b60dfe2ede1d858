/*
 * Everything that becomes text in an SVG passes through here. Texts of the model are clean already;
 * they are cleaned again because one forbidden character makes the whole file unloadable, and
 * titles and command lines come by other ways. Cleaning clean text changes nothing.
 */
#include "user/format/svg_text.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/text.h"
#include <math.h>
#include <string.h>

void svg_put_xml(FILE *out, const char *text)
{
	__cleanup_free char *clean = text_clean(text, strlen(text), TEXT_KEEP_NEWLINES);

	for (const char *c = clean; *c; c++) {
		if (*c == '&')
			fputs("&amp;", out);
		else if (*c == '<')
			fputs("&lt;", out);
		else if (*c == '>')
			fputs("&gt;", out);
		else if (*c == '"')
			fputs("&quot;", out);
		else if (*c == '\'')
			fputs("&#39;", out);
		else
			putc(*c, out);
	}
}

void svg_put_json(FILE *out, const char *text)
{
	__cleanup_free char *clean = text_clean(text, strlen(text), 0);

	putc('"', out);
	for (const char *c = clean; *c; c++) {
		/* < > & close nothing when they are not there: no CDATA, entity or end tag can
		 * arise */
		if (strchr("<>&'", *c))
			fprintf(out, "\\u%04x", (unsigned)*c);
		else if (*c == '"' || *c == '\\')
			fprintf(out, "\\%c", *c);
		else
			putc(*c, out);
	}
	putc('"', out);
}

void svg_put_coord(FILE *out, const char *name, double value)
{
	long tenths = lround(value * 10);
	const char *sign = tenths < 0 ? "-" : "";

	tenths = labs(tenths);
	if (tenths % 10)
		fprintf(out, " %s=\"%s%ld.%ld\"", name, sign, tenths / 10, tenths % 10);
	else
		fprintf(out, " %s=\"%s%ld\"", name, sign, tenths / 10);
}

/* The columns of the character at `s`, which is valid UTF-8, and its length in bytes. */
static size_t character(const char *s, size_t *len)
{
	const unsigned char *b = (const unsigned char *)s;
	uint32_t c = b[0];

	*len = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	if (*len < 3)
		return 1;
	c &= 0x7fu >> *len;
	for (size_t i = 1; i < *len && b[i]; i++)
		c = c << 6 | (b[i] & 0x3f);
	return (c >= 0x1100 && c < 0x1160) || (c >= 0x2e80 && c < 0xd7a4) ||
			       (c >= 0xf900 && c < 0xfb00) || (c >= 0xfe30 && c < 0xfe70) ||
			       (c >= 0xff00 && c < 0xff61) || c >= 0x1f000
		       ? 2
		       : 1;
}

size_t svg_columns(const char *text)
{
	size_t columns = 0, len;

	for (; *text; text += len)
		columns += character(text, &len);
	return columns;
}

char *svg_cut(const char *text, size_t columns)
{
	size_t used = 0, bytes = 0, len;

	if (columns < 3)
		return xstrdup("");
	if (strlen(text) <= columns || svg_columns(text) <= columns)
		return xstrdup(text);
	while (text[bytes]) {
		used += character(text + bytes, &len);
		if (used > columns - 1)
			break;
		bytes += len;
	}
	return xasprintf("%.*s…", (int)bytes, text);
}

char *svg_grouped(uint64_t value)
{
	__cleanup_free char *digits = xasprintf("%llu", (unsigned long long)value);
	size_t len = strlen(digits);
	struct buf out = {0};

	for (size_t i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			buf_puts(&out, ",");
		buf_put(&out, digits + i, 1);
	}
	return buf_steal_text(&out);
}
