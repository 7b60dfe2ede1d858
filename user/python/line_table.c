/*
 * Three formats of one question: which line is the instruction at this byte offset? Each decoder
 * follows CPython's PyCode_Addr2Line() of its version. Ranges without a line of their own (the
 * interpreter says None) take the line before them, or the first line.
 */
#include "user/python/line_table.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"

/* Lines are added up in 64 bits: a hostile table of a megabyte cannot overflow them. */
static int32_t line_of(int64_t line, int32_t first_line)
{
	return line >= 0 && line <= INT32_MAX ? (int32_t)line : first_line;
}

/*
 * Up to 3.9, Objects/lnotab_notes.txt, Objects/codeobject.c PyCode_Addr2Line(): pairs of (address
 * increment u8, line increment s8); the last pair whose address is not beyond the instruction
 * counts.
 */
static int64_t lnotab_line(struct cursor *c, int64_t line, int64_t lasti)
{
	int64_t at = 0;

	while (cursor_left(c) >= 2) {
		at += cursor_u8(c);
		if (at > lasti)
			break;
		line += (int8_t)cursor_u8(c);
	}
	return line;
}

/*
 * 3.10, Objects/lnotab_notes.txt, Objects/codeobject.c advance(): ranges of (length u8, line delta
 * s8); -128 stands for "no line" and adds nothing.
 */
static int64_t ranges_line(struct cursor *c, int64_t line, int64_t lasti)
{
	int64_t end = 0;

	while (cursor_left(c) >= 2) {
		uint8_t length = cursor_u8(c);
		int8_t delta = (int8_t)cursor_u8(c);

		end += length;
		if (delta != -128)
			line += delta;
		if (end > lasti)
			return line;
	}
	return -1;
}

/* Objects/locations.md: 6 bits a byte, low first, bit 6 set on all but the last; bit 0 is the sign
 */
static int64_t location_svarint(struct cursor *c)
{
	uint64_t value = 0;
	uint8_t byte;
	unsigned shift = 0;

	do {
		byte = cursor_u8(c);
		if (shift < 36)
			value |= (uint64_t)(byte & 63) << shift;
		shift += 6;
	} while (byte & 64 && cursor_left(c));
	return value & 1 ? -(int64_t)(value >> 1) : (int64_t)(value >> 1);
}

/* Objects/codeobject.c get_line_delta() */
static int64_t location_delta(struct cursor *c, unsigned kind)
{
	switch (kind) {
	case 13: /* no column info */
	case 14: /* long form */
		return location_svarint(c);
	case 10:
	case 11:
	case 12: /* one line form */
		return kind - 10;
	default: /* short forms 0 … 9; 15: no location */
		return 0;
	}
}

/*
 * From 3.11 on, Objects/locations.md, Objects/codeobject.c advance(): entries begin with a byte
 * that has bit 7 set: kind in bits 3 … 6, length in code units - 1 in bits 0 … 2. Bytes up to the
 * next are columns.
 */
static int64_t locations_line(struct cursor *c, int64_t line, int64_t lasti)
{
	int64_t end = 0;

	while (cursor_left(c)) {
		uint8_t head = cursor_u8(c);

		end += ((head & 7) + 1) * 2;
		line += location_delta(c, head >> 3 & 15);
		if (end > lasti)
			return line;
		while (cursor_left(c) && !(*c->at & 128))
			cursor_u8(c);
	}
	return -1;
}

int32_t line_table_lookup(enum line_table_kind kind, const void *table, size_t len,
			  int32_t first_line, int32_t lasti)
{
	static int64_t (*const decoders[])(struct cursor *, int64_t, int64_t) = {
		[LINE_TABLE_LNOTAB] = lnotab_line,
		[LINE_TABLE_310] = ranges_line,
		[LINE_TABLE_LOCATIONS] = locations_line,
	};
	struct cursor c = cursor_of(table, len);

	if (lasti < 0 || (size_t)kind >= ARRAY_SIZE(decoders))
		return first_line;
	return line_of(decoders[kind](&c, first_line, lasti), first_line);
}
