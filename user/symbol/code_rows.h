/* SPDX-License-Identifier: MIT */
/*
 * How to unwind out of code that .eh_frame does not tell of: assembler, and C libraries that are built without it (musl). What its
 * instructions do to the stack pointer is followed from each function's start; where that does not come out even at its ends,
 * nothing is said of it. x86-64 only.
 */
#pragma once
#include "user/symbol/eh_frame.h"

#define CODE_ROWS_MAX (2u << 20) /* bytes of code at a stretch */

struct code_range {
	const uint8_t *bytes;
	size_t len;
	uint64_t vaddr;        /* as linked */
	uint64_t entry;        /* where the program starts; 0: not known */
	const uint8_t *starts; /* of each byte, of code_starts(); NULL: this code alone tells */
};

/* By what calls and addresses the code has: which of its bytes functions begin with. To be freed. */
uint8_t *code_starts(const struct code_range *code);

/* Calls `fn` for each row, in ascending order; functions of which nothing is said have one of ABI_UNWIND_STOP. */
void code_rows(const struct code_range *code, eh_row_fn fn, void *ctx);
