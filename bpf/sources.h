/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Sources of samples. X(NAME, name): bpf/source/name.bpf.c has the programs, user/source/name.c ends in
 * `const struct source source_name`. The first is the one that is taken when none is asked for.
 */
#pragma once

/* clang-format off */
#define ABI_SOURCES(X) \
	X(CPU, cpu) \
	X(OFFCPU, offcpu) \
	X(FAULTS, faults) \
	X(GIL, gil)
/* clang-format on */

enum abi_source {
#define X(NAME, name) ABI_SOURCE_##NAME,
	ABI_SOURCES(X)
#undef X
		ABI_SOURCE_CNT
};
