/* SPDX-License-Identifier: MIT */
/* Protocol buffers' wire format: a tag is `field number << 3 | wire type`, numbers are LEB128. */
#include "user/format/pb.h"

enum wire_type { VARINT = 0, I64 = 1, LEN = 2 };

static void put_tag(struct buf *out, uint32_t field, enum wire_type type)
{
	buf_put_varint(out, (uint64_t)field << 3 | type);
}

void pb_put_int(struct buf *out, uint32_t field, uint64_t value)
{
	if (!value)
		return;
	put_tag(out, field, VARINT);
	buf_put_varint(out, value);
}

void pb_put_fixed64(struct buf *out, uint32_t field, uint64_t value)
{
	char bytes[8];

	if (!value)
		return;
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(value >> 8 * i);
	put_tag(out, field, I64);
	buf_put(out, bytes, sizeof(bytes));
}

void pb_put_element(struct buf *out, uint32_t field, const char *text, size_t len)
{
	put_tag(out, field, LEN);
	buf_put_varint(out, len);
	buf_put(out, text, len);
}

void pb_put_message(struct buf *out, uint32_t field, const struct buf *message)
{
	pb_put_element(out, field, message->data, message->len);
}

void pb_put_packed(struct buf *out, uint32_t field, const uint64_t *values, size_t cnt)
{
	struct buf packed = {0};

	for (size_t i = 0; i < cnt; i++)
		buf_put_varint(&packed, values[i]);
	pb_put_message(out, field, &packed);
	buf_free(&packed);
}
