/*
 * Line tables of code objects, bytes in, line out: a pure decoder. Formats: lnotab (≤ 3.9,
 * Objects/lnotab_notes.txt), 3.10 (PEP 626), location table (≥ 3.11, Objects/locations.md).
 */
#pragma once
#include "user/python/build.h"

/*
 * The line of the instruction at byte offset `lasti`, as the interpreter itself would report it for a
 * frame stopped there. Negative `lasti` (frame not started) and instructions without a line of
 * their own give `first_line` or the line the interpreter would show; tables may be cut short.
 */
int32_t line_table_lookup(enum line_table_kind kind, const void *table, size_t len,
			  int32_t first_line, int32_t lasti);
