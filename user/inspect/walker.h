/* SPDX-License-Identifier: MIT */
/* The walker of bpf/ in this program: the same source, compiled for user space, reads another process's memory. */
#pragma once
#include "user/python/code_object.h"

struct walked_frame {
	uint64_t addr, code_addr, code_key;
	int32_t lasti;
	struct code_object *code; /* NULL: not readable. Valid until the next walk */
};

struct walker;

/* `build` must outlive it. */
struct walker *walker__new(const struct py_build *build, uint64_t runtime_addr, memory_read_fn read, void *ctx);
void walker__free(struct walker *w);

/*
 * The stack of one thread state, leaf first, to its root: `*frames` is the walker's own until the next walk.
 * Returns ABI_OK or the outcome that says what is missing; frames that were walked are there all the same.
 */
unsigned walker__walk(struct walker *w, uint64_t tstate_addr, const struct walked_frame **frames, size_t *cnt);
/*
 * One frame by itself: of a coroutine that is not running. False when it is none. The code object is the walker's own until
 * the next walker__walk(), or the next of these after `walker__forget()`.
 */
bool walker__frame(struct walker *w, uint64_t frame_addr, struct walked_frame *out);
void walker__forget(struct walker *w);

/* From here on walks note where on the C stack the evaluator was entered. */
void walker__note_runs(struct walker *w);
/* Of the last walk, leaf first: so many, of ABI_MAX_RUNS at most, and their objects' addresses on the C stack. */
uint32_t walker__runs(const struct walker *w, const uint64_t **entries, const struct abi_run **runs);

/* Whether that thread state held the GIL then. */
enum abi_gil walker__gil(const struct walker *w);
