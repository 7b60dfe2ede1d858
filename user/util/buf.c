/* SPDX-License-Identifier: MIT */
#include "user/util/buf.h"
#include "user/util/alloc.h"
#include <stdarg.h>
#include <string.h>

void buf_free(struct buf *b)
{
	free(b->data);
	*b = (struct buf){0};
}

void buf_reset(struct buf *b)
{
	b->len = 0;
}

static void reserve(struct buf *b, size_t more)
{
	if (b->len + more + 1 <= b->cap)
		return;
	b->cap = (b->len + more + 1) * 2;
	b->data = xrealloc(b->data, b->cap);
}

void buf_put(struct buf *b, const void *bytes, size_t len)
{
	reserve(b, len);
	if (len)
		memcpy(b->data + b->len, bytes, len);
	b->len += len;
	b->data[b->len] = 0;
}

void buf_puts(struct buf *b, const char *text)
{
	buf_put(b, text, strlen(text));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list args, again;
	int n;

	va_start(args, fmt);
	va_copy(again, args);
	n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (n > 0) {
		reserve(b, (size_t)n);
		vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	va_end(again);
}

char *buf_steal_text(struct buf *b)
{
	char *out = b->data ? b->data : xstrdup("");

	*b = (struct buf){0};
	return out;
}

void buf_put_varint(struct buf *b, uint64_t value)
{
	unsigned char bytes[10];
	size_t n = 0;

	do {
		bytes[n++] = (unsigned char)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
		value >>= 7;
	} while (value);
	buf_put(b, bytes, n);
}

void buf_put_svarint(struct buf *b, int64_t value)
{
	buf_put_varint(b, ((uint64_t)value << 1) ^ (uint64_t)(value >> 63));
}

void buf_put_text(struct buf *b, const char *text)
{
	size_t len = strlen(text);

	buf_put_varint(b, len);
	buf_put(b, text, len);
}

uint8_t cursor_u8(struct cursor *c)
{
	const unsigned char *p = cursor_bytes(c, 1);

	return p ? *p : 0;
}

uint64_t cursor_varint(struct cursor *c)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t byte = cursor_u8(c);

		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return value;
	}
	c->bad = true;
	return 0;
}

int64_t cursor_svarint(struct cursor *c)
{
	uint64_t v = cursor_varint(c);

	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

const void *cursor_bytes(struct cursor *c, size_t len)
{
	const unsigned char *p = c->at;

	if (c->bad || len > (size_t)(c->end - c->at)) {
		c->bad = true;
		return NULL;
	}
	c->at += len;
	return p;
}

void cursor_copy(struct cursor *c, void *out, size_t len)
{
	const void *bytes = cursor_bytes(c, len);

	memset(out, 0, len);
	if (bytes)
		memcpy(out, bytes, len);
}

char *cursor_text(struct cursor *c)
{
	uint64_t len = cursor_varint(c);
	const void *bytes = cursor_bytes(c, len);

	return bytes ? xstrndup(bytes, len) : xstrdup("");
}
