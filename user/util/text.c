/* SPDX-License-Identifier: MIT */
#include "user/util/text.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include <string.h>

/* Code points that would act instead of being seen. */
static int is_active(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || (c >= 0xd800 && c < 0xe000) ||
	       c == 0xfeff || (c >= 0xfdd0 && c < 0xfdf0) || (c >= 0xfff9 && c <= 0xfffb) || (c & 0xfffe) == 0xfffe ||
	       (c >= 0xe0000 && c < 0xe0100) || c > 0x10ffff;
}

size_t text_to_utf8(uint32_t c, char out[4])
{
	size_t n = 0;

	if (c < 0x80) {
		out[n++] = (char)c;
	} else if (c < 0x800) {
		out[n++] = (char)(0xc0 | c >> 6);
	} else if (c < 0x10000) {
		out[n++] = (char)(0xe0 | c >> 12);
		out[n++] = (char)(0x80 | (c >> 6 & 0x3f));
	} else {
		out[n++] = (char)(0xf0 | c >> 18);
		out[n++] = (char)(0x80 | (c >> 12 & 0x3f));
		out[n++] = (char)(0x80 | (c >> 6 & 0x3f));
	}
	if (c >= 0x80)
		out[n++] = (char)(0x80 | (c & 0x3f));
	return n;
}

static void put_code_point(struct buf *out, uint32_t c, unsigned flags)
{
	char utf8[4];

	if (!is_active(c) || ((flags & TEXT_KEEP_NEWLINES) && (c == '\n' || c == '\t')))
		buf_put(out, utf8, text_to_utf8(c, utf8));
	else if (c == '\n')
		buf_puts(out, "\\n");
	else if (c == '\t')
		buf_puts(out, "\\t");
	else if (c == '\r')
		buf_puts(out, "\\r");
	else if (c < 0x100)
		buf_printf(out, "\\x%02x", c);
	else if (c < 0x10000)
		buf_printf(out, "\\u%04x", c);
	else
		buf_printf(out, "\\U%08x", c);
}

size_t text_from_utf8(const void *bytes, size_t left, uint32_t *out)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *s = bytes;
	size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc0 ? 2 : 0;
	uint32_t c = n == 1 ? s[0] : s[0] & (0xffu >> (n + 1));

	if (!n || n > left || s[0] >= 0xf8)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	*out = c;
	return n;
}

/* How many of these are plain ASCII, as nearly all are: they need no look at each. */
static size_t plain(const unsigned char *s, size_t len)
{
	size_t n = 0;

	while (n < len && s[n] >= 0x20 && s[n] < 0x7f)
		n++;
	return n;
}

static size_t put_plain(struct buf *out, const unsigned char *s, size_t len)
{
	size_t n = plain(s, len);

	if (n)
		buf_put(out, s, n);
	return n;
}

char *text_clean(const char *bytes, size_t len, unsigned flags)
{
	const unsigned char *s = (const unsigned char *)bytes;
	struct buf out = {0};

	for (size_t i = put_plain(&out, s, len); i < len; i += put_plain(&out, s + i, len - i)) {
		uint32_t c = 0;
		size_t n = text_from_utf8(s + i, len - i, &c);

		if (n)
			put_code_point(&out, c, flags);
		else
			buf_printf(&out, "\\x%02x", s[i]);
		i += n ? n : 1;
	}
	return buf_steal_text(&out);
}

static char *from_units(const void *units, size_t len, unsigned kind, bool keeps_tabs)
{
	const unsigned char *s = units;
	struct buf out = {0};

	if (kind != 1 && kind != 2 && kind != 4)
		return xstrdup("?");
	for (size_t i = kind == 1 ? put_plain(&out, s, len) : 0; i + kind <= len; i += kind) {
		uint32_t c = 0;

		memcpy(&c, s + i, kind); /* both supported architectures are little-endian */
		put_code_point(&out, c, keeps_tabs && c == '\t' ? TEXT_KEEP_NEWLINES : 0);
	}
	return buf_steal_text(&out);
}

char *text_from_units(const void *units, size_t len, unsigned kind)
{
	return from_units(units, len, kind, false);
}

char *text_line_from_units(const void *units, size_t len, unsigned kind)
{
	return from_units(units, len, kind, true);
}
