/* SPDX-License-Identifier: MIT */
/* What is known of the registers at one place of the code, and the rule that says it. Of eh_rows.c alone. */
#pragma once
#include "user/symbol/eh_reader.h"

/* Numbers of registers, by the supplements for each processor. */
struct eh_registers {
	uint64_t sp, bp;
	bool x86;
};

/* Where a register's value in the caller is. */
struct eh_place {
	enum { PLACE_SAME, PLACE_UNDEFINED, PLACE_AT_CFA, PLACE_AT_BP, PLACE_OTHER } kind;
	int64_t off;
};

/* The CFA is a register + off, what is in memory there + add, or told by what entries of a PLT do. */
struct eh_state {
	enum { BASE_NONE, BASE_REGISTER, BASE_MEMORY, BASE_PLT } base;
	uint64_t reg;
	int64_t off, add;
	struct eh_place bp, ra;
};

/* NULL: a processor that is not known here. */
const struct eh_registers *eh_registers_of(unsigned machine);
/* The CFA as an expression tells it. */
void eh_state__set_base(struct eh_state *s, const struct eh_registers *regs, struct eh_reader expression);
/* A place that an expression tells. */
struct eh_place eh_place_of(const struct eh_registers *regs, struct eh_reader expression);
/* `signal`: the frame is one of the kernel's, for the return from a handler. */
struct abi_unwind_rule eh_state__rule(const struct eh_state *s, const struct eh_registers *regs, bool signal);
