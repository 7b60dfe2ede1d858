/* SPDX-License-Identifier: MIT */
/* What stops a traced program at an instruction; one file per architecture (breakpoint_x86.c). */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct breakpoint {
	uint8_t code[4]; /* of the instruction */
	size_t len;
	size_t pc;     /* where struct user_regs_struct has the program counter, … */
	size_t behind; /* … and how far that is behind the instruction when the program has stopped */
};

extern const struct breakpoint breakpoint_own;
