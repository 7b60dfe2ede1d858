/* SPDX-License-Identifier: MIT */
/*
 * Protocol buffers' wire format, as much as writing takes. A field that has its default value (0)
 * is left out, as proto3 writers do; the order of fields means nothing.
 */
#pragma once
#include "user/util/buf.h"

void pb_put_int(struct buf *out, uint32_t field, uint64_t value);
/* Of a field that is declared so (fixed64): another reader passes a varint over in silence. */
void pb_put_fixed64(struct buf *out, uint32_t field, uint64_t value);
/* Also when it is empty: a message counts by being there. */
void pb_put_message(struct buf *out, uint32_t field, const struct buf *message);
/* Element `i` of a repeated text: there even when it is empty. */
void pb_put_element(struct buf *out, uint32_t field, const char *text, size_t len);
/* A repeated number in packed form. */
void pb_put_packed(struct buf *out, uint32_t field, const uint64_t *values, size_t cnt);
