/* SPDX-License-Identifier: MIT */
/*
 * Short texts of objects as repr() would have them, read from outside: numbers, texts, bytes, None, containers
 * with what is in them; anything else is named by its type and address. Depth, length and reads are capped.
 */
#pragma once
#include "user/python/objects.h"

/*
 * Clean UTF-8 of at most `max` bytes, cut with "..." behind; "?" when it cannot be read. The caller frees. The
 * reader's `reads_left` bounds the work.
 */
char *object_repr(struct object_reader *r, uint64_t addr, size_t max);
