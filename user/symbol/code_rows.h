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
	uint64_t vaddr; /* as linked */
};

/* Calls `fn` for each row, in ascending order; functions of which nothing is said have one of ABI_UNWIND_STOP. */
void code_rows(const struct code_range *code, eh_row_fn fn, void *ctx);
