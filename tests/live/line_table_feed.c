/* SPDX-License-Identifier: MIT */
/*
 * The line table decoder under an interpreter's own answers. Usage: line_table_feed MINOR <
 * records; a record is {i32 first line, u32 table bytes, u32 offsets} table {i32 lasti, i32
 * line}[offsets], native byte order. Prints "CODES OFFSETS MISMATCHES" and the first mismatches;
 * exits 1 when there are any.
 */
#include "user/python/line_table.h"
#include "user/python/versions.h"
#include "user/util/alloc.h"
#include <stdio.h>

#define MAX_BYTES (64u << 20)
#define MAX_SHOWN 20

struct head {
	int32_t first_line;
	uint32_t table_bytes, offset_count;
};

struct answer {
	int32_t lasti, line;
};

struct totals {
	unsigned long codes, offsets, mismatches;
};

static void *read_exactly(size_t len)
{
	void *bytes = xmalloc(len + 1);

	if (len && fread(bytes, 1, len, stdin) != len) {
		fprintf(stderr, "line_table_feed: the input ends in a record\n");
		exit(2);
	}
	return bytes;
}

static void check(enum line_table_kind kind, const struct head *h, struct totals *t)
{
	__cleanup_free void *table = read_exactly(h->table_bytes);
	__cleanup_free struct answer *truth = read_exactly(h->offset_count * sizeof(*truth));
	struct line_table again = {.kind = kind, .bytes = table, .len = h->table_bytes};

	for (uint32_t i = 0; i < h->offset_count; i++) {
		int32_t line = line_table_lookup(kind, table, h->table_bytes, h->first_line, truth[i].lasti);

		if (line_table__line(&again, h->first_line, truth[i].lasti) != line)
			line = -1;
		if (line != truth[i].line && t->mismatches++ < MAX_SHOWN)
			printf("code %lu: first line %d, offset %d: %d, not %d\n", t->codes, h->first_line,
			       truth[i].lasti, line, truth[i].line);
	}
	line_table__clear(&again);
	t->codes++;
	t->offsets += h->offset_count;
}

int main(int argc, char **argv)
{
	const struct py_version *row = argc == 2 ? py_version_find((unsigned)atoi(argv[1]), false) : NULL;
	struct totals totals = {0};
	struct head head;

	if (!row) {
		fprintf(stderr, "usage: line_table_feed MINOR < records\n");
		return 2;
	}
	while (fread(&head, sizeof(head), 1, stdin) == 1) {
		if (head.table_bytes > MAX_BYTES || head.offset_count > MAX_BYTES / 8)
			return 2;
		check(row->lines, &head, &totals);
	}
	printf("%lu %lu %lu\n", totals.codes, totals.offsets, totals.mismatches);
	return totals.mismatches != 0;
}
