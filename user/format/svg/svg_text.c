/* SPDX-License-Identifier: MIT */
/*
 * Everything that becomes text in an SVG passes through here. Texts of the model are clean already;
 * they are cleaned again because one forbidden character makes the whole file unloadable, and
 * titles and command lines come by other ways. Cleaning clean text changes nothing.
 */
#include "user/format/svg/svg_text.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/columns.h"
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

char *svg_cut(const char *text, size_t columns)
{
	char *cut;
	size_t len;

	if (columns < 3)
		return xstrdup("");
	if (strlen(text) <= columns || columns_of(text) <= columns)
		return xstrdup(text);
	cut = columns_fit(text, columns, COLUMNS_KEEP_START);
	len = strlen(cut);
	if (cut[len - 1] == ' ') /* filled up, where half of a wide letter did not fit */
		cut[len - 1] = 0;
	return cut;
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
