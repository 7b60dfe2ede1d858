/* SPDX-License-Identifier: MIT */
/*
 * Three formats of one question: which line is the instruction at this byte offset? Each decoder follows CPython's
 * PyCode_Addr2Line() of its version. Ranges without a line of their own (the interpreter says None) take the line
 * before them, or the first line.
 *
 * The entries before an instruction have to be added up to find it. A table may have millions (so it can be made to
 * cost much), and be asked often: long ones get checkpoints to begin at.
 */
#include "user/python/line_table.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/search.h"

#define CHECKPOINT_BYTES 1024

/* Between two entries: what those before add up to. In 64 bits, which no table can make overflow. */
struct line_checkpoint {
	const uint8_t *at;
	int64_t end;  /* of the last entry's instructions, in bytes */
	int64_t line; /* from the first line on */
};

struct scan {
	struct cursor c;
	const uint8_t *until; /* begin no entry from here on */
	int64_t end, line;
};

/* True: `line` is that of the instruction at `lasti`. False: nothing up to there, or up to the end, tells. */
typedef bool (*decoder)(struct scan *s, int64_t lasti);

static bool has_entry(const struct scan *s, size_t least)
{
	return cursor_left(&s->c) >= least && s->c.at < s->until;
}

/*
 * Up to 3.9, Objects/lnotab_notes.txt, Objects/codeobject.c PyCode_Addr2Line(): pairs of (address increment u8, line
 * increment s8); the last pair whose address is not beyond the instruction counts.
 */
static bool lnotab_line(struct scan *s, int64_t lasti)
{
	while (has_entry(s, 2)) {
		uint8_t length = cursor_u8(&s->c);

		if (s->end + length > lasti)
			return true;
		s->end += length;
		s->line += (int8_t)cursor_u8(&s->c);
	}
	return false;
}

/*
 * 3.10, Objects/lnotab_notes.txt, Objects/codeobject.c advance(): ranges of (length u8, line delta
 * s8); -128 stands for "no line" and adds nothing.
 */
static bool ranges_line(struct scan *s, int64_t lasti)
{
	while (has_entry(s, 2)) {
		uint8_t length = cursor_u8(&s->c);
		int8_t delta = (int8_t)cursor_u8(&s->c);

		s->end += length;
		if (delta != -128)
			s->line += delta;
		if (s->end > lasti)
			return true;
	}
	return false;
}

/*
 * Objects/locations.md: 6 bits a byte, low first, bit 6 set on all but the last; bit 0 is the sign.
 * A line has no more than six of them.
 */
static int64_t location_svarint(struct cursor *c)
{
	uint64_t value = 0;
	uint8_t byte;
	unsigned shift = 0;

	do {
		byte = cursor_u8(c);
		value |= (uint64_t)(byte & 63) << shift;
		shift += 6;
	} while (byte & 64 && shift < 36 && cursor_left(c));
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
 * From 3.11 on, Objects/locations.md, Objects/codeobject.c advance(): entries begin with a byte that has bit 7 set:
 * kind in bits 3 … 6, length in code units - 1 in bits 0 … 2. Bytes up to the next are columns.
 */
static bool locations_line(struct scan *s, int64_t lasti)
{
	while (has_entry(s, 1)) {
		uint8_t head = cursor_u8(&s->c);

		s->end += ((head & 7) + 1) * 2;
		s->line += location_delta(&s->c, head >> 3 & 15);
		if (s->end > lasti)
			return true;
		while (cursor_left(&s->c) && !(*s->c.at & 128))
			cursor_u8(&s->c);
	}
	return false;
}

static const decoder decoders[] = {
	[LINE_TABLE_LNOTAB] = lnotab_line,
	[LINE_TABLE_310] = ranges_line,
	[LINE_TABLE_LOCATIONS] = locations_line,
};

static struct scan scan_from(const struct line_table *t, const struct line_checkpoint *m)
{
	struct cursor c = cursor_of(t->bytes, t->len);

	if (!m)
		return (struct scan){.c = c, .until = c.end};
	return (struct scan){
		.c = cursor_of(m->at, (size_t)(c.end - m->at)), .until = c.end, .end = m->end, .line = m->line};
}

/* The last one is at the end. */
static void make_checkpoints(struct line_table *t)
{
	struct scan s = scan_from(t, NULL);
	const uint8_t *at = NULL;
	size_t cap = 0;

	while (s.c.at != at) {
		at = s.c.at;
		xgrow(t->checkpoints, t->checkpoint_cnt, cap);
		t->checkpoints[t->checkpoint_cnt++] = (struct line_checkpoint){at, s.end, s.line};
		s.until = at + (cursor_left(&s.c) < CHECKPOINT_BYTES ? cursor_left(&s.c) : CHECKPOINT_BYTES);
		decoders[t->kind](&s, INT64_MAX);
	}
}

/* The last one that is not beyond the instruction. */
static const struct line_checkpoint *find_checkpoint(const struct line_table *t, int64_t lasti)
{
	size_t low = search_first(t->checkpoint_cnt, i, t->checkpoints[i].end > lasti);

	return low ? &t->checkpoints[low - 1] : NULL;
}

static int32_t line_from(const struct line_table *t, const struct line_checkpoint *m, int32_t first_line, int32_t lasti)
{
	struct scan s = scan_from(t, m);
	bool found = decoders[t->kind](&s, lasti) || t->kind == LINE_TABLE_LNOTAB;
	int64_t line = first_line + s.line;

	return found && line >= 0 && line <= INT32_MAX ? (int32_t)line : first_line;
}

/* A frame that tells its line itself or has not started, or a table of who knows what. */
static bool is_answered(const struct line_table *t, int32_t first_line, int32_t lasti, int32_t *line)
{
	*line = lasti < -1 ? abi_line(lasti) : first_line;
	return lasti < 0 || (size_t)t->kind >= ARRAY_SIZE(decoders);
}

int32_t line_table__line(struct line_table *t, int32_t first_line, int32_t lasti)
{
	int32_t line;

	if (is_answered(t, first_line, lasti, &line))
		return line;
	if (t->len > LINE_TABLE_LONG && !t->checkpoints)
		make_checkpoints(t);
	return line_from(t, find_checkpoint(t, lasti), first_line, lasti);
}

void line_table__clear(struct line_table *t)
{
	free(t->checkpoints);
	*t = (struct line_table){0};
}

int32_t line_table_lookup(enum line_table_kind kind, const void *table, size_t len, int32_t first_line, int32_t lasti)
{
	const struct line_table t = {.kind = kind, .bytes = table, .len = len};

	int32_t line;

	return is_answered(&t, first_line, lasti, &line) ? line : line_from(&t, NULL, first_line, lasti);
}
