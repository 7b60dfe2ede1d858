/* SPDX-License-Identifier: MIT */
/*
 * Records as the kernel side sends them, made up. Line tables are such that the instruction at byte
 * offset 2 * i is on the i-th line behind the first. The caller frees what it gets.
 */
#pragma once
#include "bpf/abi.h"
#include "user/python/build.h"
#include "user/util/alloc.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

struct made_code {
	uint32_t image_id, layout_id;
	uint64_t key;
	const char *name, *file, *module; /* module NULL: it has none */
	int32_t first_line;
	uint32_t lines_bytes, flags;
};

static inline struct abi_code *code_record(const struct made_code *c)
{
	size_t name = strlen(c->name), file = strlen(c->file), size = sizeof(struct abi_code);
	size_t module = c->module ? strlen(c->module) : 0;
	struct abi_code *r = xcalloc(1, size + name + file + module);

	r->hdr.kind = ABI_REC_CODE;
	r->hdr.size = (uint32_t)(size + name + file + module);
	r->code_key = c->key;
	r->image_id = c->image_id;
	r->layout_id = c->layout_id;
	r->first_line = c->first_line;
	r->lines_bytes = c->lines_bytes;
	r->flags = c->flags;
	r->name = (struct abi_text){.bytes = (uint32_t)name, .kind = 1};
	r->file = (struct abi_text){.bytes = (uint32_t)file, .kind = 1};
	r->module = (struct abi_text){.bytes = (uint32_t)module, .kind = 1};
	r->module.flags = c->module ? 0 : ABI_TEXT_UNREADABLE;
	memcpy(r + 1, c->name, name);
	memcpy((char *)(r + 1) + name, c->file, file);
	memcpy((char *)(r + 1) + name + file, c->module ? c->module : "", module);
	return r;
}

/* Bytes `offset` … `offset + bytes` of a table. */
static inline struct abi_lines *lines_record(uint64_t key, const char *table, uint32_t offset, uint32_t bytes)
{
	struct abi_lines *r = xcalloc(1, sizeof(*r) + bytes);

	r->hdr.kind = ABI_REC_LINES;
	r->hdr.size = (uint32_t)sizeof(*r) + bytes;
	r->code_key = key;
	r->offset = offset;
	r->bytes = bytes;
	memcpy(r + 1, table + offset, bytes);
	return r;
}

static inline uint32_t table_bytes(enum line_table_kind kind, uint32_t instructions)
{
	return kind == LINE_TABLE_LOCATIONS ? 3 * instructions : 2 * instructions;
}

static inline char *make_table(enum line_table_kind kind, uint32_t instructions)
{
	char *table = xcalloc(1, table_bytes(kind, instructions)), *at = table;

	for (uint32_t i = 0; i < instructions; i++) {
		if (kind == LINE_TABLE_LOCATIONS) { /* one-line form, one unit: line delta 0 or 1 */
			*at++ = (char)(0x80 | (i ? 11 : 10) << 3);
			at += 2;
		} else if (kind == LINE_TABLE_310) {
			*at++ = 2;
			*at++ = i > 0;
		} else { /* from the second instruction on: address + 2, line + 1 */
			*at++ = 2;
			*at++ = 1;
		}
	}
	return table;
}

static inline struct abi_sample *sample_record(uint32_t image_id, unsigned outcome, const struct abi_frame *frames,
					       uint32_t cnt)
{
	struct abi_sample *r = xcalloc(1, sizeof(*r) + cnt * sizeof(*frames));

	r->hdr.kind = ABI_REC_SAMPLE;
	r->hdr.size = (uint32_t)(sizeof(*r) + cnt * sizeof(*frames));
	r->image_id = image_id;
	r->outcome = (uint8_t)outcome;
	r->frame_cnt = cnt;
	if (cnt)
		memcpy(r + 1, frames, cnt * sizeof(*frames));
	return r;
}
