/* SPDX-License-Identifier: MIT */
/* Messages of protobuf taken apart field by field, and what is packed by gzip unpacked. */
#pragma once
#include "tests/unit/small_profile.h"
#include "user/util/buf.h"
#include <zlib.h>

struct field {
	uint32_t number;
	uint64_t value;    /* a number, or the length of */
	const char *bytes; /* NULL for numbers */
};

static inline bool next_field(struct cursor *c, struct field *f)
{
	uint64_t tag;

	if (!cursor_left(c))
		return false;
	tag = cursor_varint(c);
	f->number = (uint32_t)(tag >> 3);
	f->bytes = NULL;
	if ((tag & 7) == 1)
		cursor_copy(c, &f->value, sizeof(f->value));
	else
		f->value = cursor_varint(c);
	if ((tag & 7) == 2)
		f->bytes = cursor_bytes(c, f->value);
	else
		assert_in_range(tag & 7, 0, 1);
	assert_false(c->bad);
	assert_true(f->number > 0);
	return true;
}

static inline struct buf inflated(const struct buf *packed)
{
	struct buf out = {.cap = 1 << 22};
	z_stream z = {.next_in = (unsigned char *)packed->data, .avail_in = (uInt)packed->len};

	out.data = malloc(out.cap);
	z.next_out = (unsigned char *)out.data;
	z.avail_out = (uInt)out.cap;
	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.avail_in, 0); /* one message, nothing behind it */
	out.len = z.total_out;
	inflateEnd(&z);
	return out;
}

/* The single number of a field inside a message; 0 when it is not there. */
static inline uint64_t number_in(const struct field *message, uint32_t number)
{
	struct cursor c = cursor_of(message->bytes, message->value);
	struct field f;

	while (next_field(&c, &f))
		if (f.number == number && !f.bytes)
			return f.value;
	return 0;
}

/* The first field of that number inside a message, a text or a message itself; its `bytes` are NULL when it is not there. */
static inline struct field field_in(const char *bytes, size_t len, uint32_t number)
{
	struct cursor c = cursor_of(bytes, len);
	struct field f;

	while (next_field(&c, &f))
		if (f.number == number && f.bytes)
			return f;
	return (struct field){0};
}
