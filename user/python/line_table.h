/* SPDX-License-Identifier: MIT */
/*
 * Line tables of code objects, bytes in, line out: a pure decoder. Formats: lnotab (≤ 3.9,
 * Objects/lnotab_notes.txt), 3.10 (PEP 626), location table (≥ 3.11, Objects/locations.md).
 */
#pragma once
#include "user/python/build.h"

#define LINE_TABLE_LONG 2048 /* bytes; a look-up in a shorter one is cheap anyway */

/* Begins with what is known of it, and zeros; the bytes are somebody else's. */
struct line_table {
	enum line_table_kind kind;
	const void *bytes;
	size_t len;
	struct line_checkpoint *checkpoints; /* entries to begin at, from the first look-up in a long table on */
	size_t checkpoint_cnt;
};

/*
 * The line of the instruction at byte offset `lasti`, as the interpreter itself would report it for a frame stopped
 * there. Negative `lasti` (frame not started) and instructions without a line of their own give `first_line` or the
 * line the interpreter would show; tables may be cut short. A line that the frame itself has (abi_line()) counts before
 * the table.
 */
int32_t line_table__line(struct line_table *t, int32_t first_line, int32_t lasti);
void line_table__clear(struct line_table *t);

/* The same, once. */
int32_t line_table_lookup(enum line_table_kind kind, const void *table, size_t len, int32_t first_line, int32_t lasti);
