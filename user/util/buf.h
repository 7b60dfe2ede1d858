/* SPDX-License-Identifier: MIT */
/* A growable byte buffer, and a bounds-checked cursor to read bytes back. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	char *data;
	size_t len, cap;
};

void buf_free(struct buf *b);
void buf_reset(struct buf *b);
void buf_put(struct buf *b, const void *bytes, size_t len);
void buf_puts(struct buf *b, const char *text);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The content as a NUL-terminated string that the caller frees; the buffer is empty afterwards. */
char *buf_steal_text(struct buf *b);

/* Unsigned LEB128: 7 bits a byte, low bits first. Signed values go through zigzag. */
void buf_put_varint(struct buf *b, uint64_t value);
void buf_put_svarint(struct buf *b, int64_t value);
/* A varint length, then the bytes. */
void buf_put_text(struct buf *b, const char *text);

/* Reads never pass `end`: a read that would sets `bad` and yields zeros, so a decoder checks once at its end. */
struct cursor {
	const unsigned char *at, *end;
	bool bad;
};

static inline struct cursor cursor_of(const void *bytes, size_t len)
{
	return (struct cursor){bytes, len ? (const unsigned char *)bytes + len : bytes, false};
}
static inline size_t cursor_left(const struct cursor *c)
{
	return c->bad ? 0 : (size_t)(c->end - c->at);
}
uint8_t cursor_u8(struct cursor *c);
uint64_t cursor_varint(struct cursor *c);
int64_t cursor_svarint(struct cursor *c);
/* A view of `len` bytes inside the source, or NULL with `bad` set. */
const void *cursor_bytes(struct cursor *c, size_t len);
/* `len` bytes to `out`; zeros when bad. */
void cursor_copy(struct cursor *c, void *out, size_t len);
/* A copy of a text written by buf_put_text; "" when bad. The caller frees. */
char *cursor_text(struct cursor *c);
