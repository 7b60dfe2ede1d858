/* SPDX-License-Identifier: MIT */
/*
 * One stack of a sample's Python, native and kernel frames: each run of Python frames takes the place of the invocation of
 * the C evaluator that runs it. The order of Python frames is never changed, and none is lost, whatever is said of the others.
 */
#pragma once
#include "bpf/abi.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is known of a native frame. */
enum {
	MERGE_INTERNAL = 1,  /* of the interpreter's own file */
	MERGE_EVALUATOR = 2, /* its function is the C evaluator's, by name */
	MERGE_START = 4,     /* of what starts programs and threads: the C library, and the like */
};

/* By its name, the module that it is of, and whether that is the interpreter's own file. */
uint8_t merge_flags(const char *name, const char *module, bool is_interpreter);
/* Up to 3.10 each Python frame has an invocation of the C evaluator to itself (Python/ceval.c). */
bool merge_is_one_each(const struct abi_py_layout *l);

struct merge_in {
	uint32_t python_cnt;
	bool python_whole; /* down to the root */
	const struct abi_native *native;
	const uint8_t *flags; /* MERGE_*, by native frame */
	bool one_each; /* the evaluator runs one Python frame per invocation: up to 3.10; placed by number, if by nothing else */
	bool all; /* nothing is folded away */
};

enum merge_kind {
	MERGE_KERNEL_FRAME,
	MERGE_NATIVE_FRAME,
	MERGE_PYTHON_FRAME,
	MERGE_CUT /* the native stack ends here */
};

struct merged {
	uint16_t index; /* of the frame among those of its kind */
	uint8_t kind;   /* enum merge_kind */
};

#define MERGE_MAX (ABI_MAX_FRAMES + ABI_MAX_NATIVE + ABI_MAX_KERNEL + 1)

/* Leaf first; how many. `out` has room for MERGE_MAX. */
size_t merge_frames(const struct merge_in *in, struct merged *out);
