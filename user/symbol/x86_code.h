/* SPDX-License-Identifier: MIT */
/* Instructions of x86-64, as far as one must know them to follow the stack pointer. Code is hostile as the rest of a file. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum x86_map { X86_ONE, X86_0F, X86_0F38, X86_0F3A };

struct x86_instruction {
	unsigned len;
	enum x86_map map;
	uint8_t opcode;
	bool vex;  /* of vectors: writes no general register that matters, but by name */
	bool wide; /* REX.W */
	bool has_modrm;
	uint8_t mod, reg, rm; /* numbers of registers as instructions have them, with REX: 4 rsp, 5 rbp */
	bool has_sib;
	uint8_t base; /* with a SIB byte and without an index; else 0xff */
	int32_t disp;
	int64_t imm;
};

/* False: it is cut, or none that is known. */
bool x86_decode(const uint8_t *code, size_t len, struct x86_instruction *out);
