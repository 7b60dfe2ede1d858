/* SPDX-License-Identifier: MIT */
/* A bounded reader of the numbers that .eh_frame consists of. Shared by eh_frame.c and eh_rows.c; not for anyone else. */
#pragma once
#include "user/symbol/eh_frame.h"
#include <string.h>

/* Reads never pass `end`: one that would sets `bad` and gives zeros. */
struct eh_reader {
	const uint8_t *at, *end;
	bool bad;
};

static inline size_t eh_left(const struct eh_reader *r)
{
	return r->bad ? 0 : (size_t)(r->end - r->at);
}

static inline void eh_skip(struct eh_reader *r, uint64_t len)
{
	if (len > eh_left(r))
		r->bad = true;
	else
		r->at += len;
}

/* Little-endian, as all files here are; this program, too. */
static inline uint64_t eh_bytes(struct eh_reader *r, size_t len)
{
	uint64_t value = 0;

	if (len > eh_left(r)) {
		r->bad = true;
		return 0;
	}
	memcpy(&value, r->at, len);
	r->at += len;
	return value;
}

static inline uint8_t eh_u8(struct eh_reader *r)
{
	if (!eh_left(r)) {
		r->bad = true;
		return 0;
	}
	return *r->at++;
}

/* LEB128; bits beyond 64 are dropped. `*bits`: how many were read, `*last`: the last byte. */
static inline uint64_t eh_leb(struct eh_reader *r, unsigned *bits, uint8_t *last)
{
	uint64_t value = 0;

	*bits = 0;
	do {
		*last = eh_u8(r);
		if (*bits < 64) {
			value |= (uint64_t)(*last & 0x7f) << *bits;
			*bits += 7;
		}
	} while (*last & 0x80);
	return value;
}

static inline uint64_t eh_uleb(struct eh_reader *r)
{
	unsigned bits;
	uint8_t last;

	return eh_leb(r, &bits, &last);
}

static inline int64_t eh_sleb(struct eh_reader *r)
{
	unsigned bits;
	uint8_t last;
	uint64_t value = eh_leb(r, &bits, &last);

	if (bits < 64 && last & 0x40)
		value |= ~0ull << bits;
	return (int64_t)value;
}

/* What functions have in common: one CIE. */
struct eh_common {
	size_t at; /* in the section */
	bool tried, usable;
	bool signal;      /* of signal handlers' returns: registers are as they were, not as after a call */
	uint8_t encoding; /* of addresses (DW_EH_PE_…) */
	bool has_length;  /* of augmentation data, also in FDEs */
	uint64_t code_align;
	int64_t data_align;
	uint64_t ra; /* register */
	struct eh_reader program;
};

/* An FDE taken apart: its function's start and end, and its instructions. */
struct eh_entry {
	uint64_t start, end;
	struct eh_reader program;
};

/* The CIE and the FDE at `at`; false: they are none. `common` may have what was read before. */
bool eh_frame__entry(const struct eh_frame *f, size_t at, struct eh_common *common, struct eh_entry *entry);
