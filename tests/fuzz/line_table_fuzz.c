/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a line table. Beyond memory safety: a frame may tell its line itself; one that is not started is on the
 * first line, a located line is never negative, and appending entries never changes the line of an
 * instruction that earlier ones cover; where a look-up begins does not either.
 */
#include "user/python/line_table.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(enum line_table_kind kind, const uint8_t *table, size_t len, int32_t lasti)
{
	struct line_table t = {.kind = kind, .bytes = table, .len = len};
	int32_t first = line_table_lookup(kind, table, len, 1, lasti);

	if (line_table__line(&t, 1, lasti) != first || line_table__line(&t, 1, lasti) != first)
		__builtin_trap();
	line_table__clear(&t);
	if (first < 0 || (lasti == -1 && first != 1) || (lasti < -1 && first != abi_line(lasti)))
		__builtin_trap();
	if (line_table_lookup(kind, table, len, 1, lasti) != first)
		__builtin_trap();
	/* within the first entry */
	if (kind == LINE_TABLE_310 && len >= 2 && lasti >= 0 && lasti < table[0] &&
	    line_table_lookup(kind, table, 2, 1, lasti) != first)
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int32_t lasti, first_line;

	if (size < 8)
		return 0;
	memcpy(&lasti, data, 4);
	memcpy(&first_line, data + 4, 4);
	for (int kind = LINE_TABLE_LNOTAB; kind <= LINE_TABLE_LOCATIONS; kind++) {
		check((enum line_table_kind)kind, data + 8, size - 8, lasti);
		check((enum line_table_kind)kind, data + 8, size - 8, lasti & 0xff);
		line_table_lookup((enum line_table_kind)kind, data + 8, size - 8, first_line, lasti);
	}
	return 0;
}
