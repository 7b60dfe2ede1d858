/* SPDX-License-Identifier: MIT */
/*
 * Reading .eh_frame (LSB 5.0, core generic, chapter 10.6; DWARF 4, chapter 6.4): its functions, and for each what its call
 * frame instructions say. Of bytes that nobody vouches for: what cannot be understood ends that function.
 */
#pragma once
#include "bpf/abi.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct eh_frame {
	const uint8_t *bytes;
	size_t len;
	uint64_t vaddr;   /* where the section is, as linked */
	unsigned machine; /* ELF: e_machine */
};

/* A function: one FDE. */
struct eh_function {
	uint64_t start, end; /* as linked */
	size_t at;           /* of the FDE in the section */
};

/* Calls `fn` for each function, in the order of the section, until it returns false. */
void eh_frame__functions(const struct eh_frame *f, bool (*fn)(void *ctx, const struct eh_function *function),
			 void *ctx);
/* Calls `fn` for each row of a function, in ascending order; the first is at its start. */
typedef bool (*eh_row_fn)(void *ctx, uint64_t vaddr, const struct abi_unwind_rule *rule);
void eh_frame__rows(const struct eh_frame *f, const struct eh_function *function, eh_row_fn fn, void *ctx);
