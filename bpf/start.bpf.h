/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The start of a walk when the frame that memory names as the current one is not complete yet. A switch from one frame to
 * another, or into the C evaluator, is several stores, and compilers put those that do not depend on each other in any
 * order (Python/ceval.c: _PyEval_EvalFrameDefault, DISPATCH_INLINED, YIELD_VALUE). A timer may come in between. But a
 * pointer that is not stored yet is still in a register: the calling frame, the called one or the caller's cframe.
 */
#pragma once
#include "bpf/code.bpf.h"

enum walk_start {
	START_NAMED,    /* at the frame that memory names */
	START_SOUGHT,   /* the next register is to be tried */
	START_REGISTER, /* at one that a register named: taken only if it leads to a root */
	START_LAST,     /* nowhere better: memory's it is after all, such as it is */
};

/* Registers are gone through once for each. */
enum start_turn {
	TURN_CFRAME,  /* the cframe that was current before: the evaluator was just entered */
	TURN_RUNNING, /* a frame that has run: the caller, or a generator that goes on */
	TURN_FRESH,   /* a frame at its first instruction: linked already, if none of the others is there */
	TURNS,
};

#define SHIM_NEAR          1024u      /* from an evaluator's cframe to its shim: locals of one C function */
#define START_STACK_BYTES  (8u << 20) /* a cframe before is on the same C stack … */
#define START_TSTATE_BYTES 512u       /* … or in the thread state itself */

static __always_inline bool is_in_tstate(const struct walk *w, u64 addr)
{
	return addr - w->tstate_addr < START_TSTATE_BYTES;
}

static __always_inline bool is_cframe_before(const struct walk *w, u64 addr)
{
	u64 above = addr - w->cframe_addr;

	return w->cframe_addr && ((above && above < START_STACK_BYTES) || is_in_tstate(w, addr));
}

/* The frame that a register stands for in this turn; 0: it stands for none. */
static __always_inline u64 start_frame(const struct walk *w, u32 turn, u64 value)
{
	u64 frame = 0;

	if (value & 7)
		return 0;
	if (turn != TURN_CFRAME)
		return value;
	if (!is_cframe_before(w, value) || walk_read(w, &frame, 8, value + w->layout.cframe_frame_off))
		return 0;
	return frame & 7 ? 0 : frame;
}

/* Unlike is_code_object(), sure of it. */
static __always_inline bool is_surely_code(struct walk *w, u64 addr)
{
	u64 type = 0;

	return w->code_type_addr && !walk_read(w, &type, 8, addr + w->layout.type_off) && is_code_type(w, type);
}

/* The end of the function's frame at this address of the data stack; 0 when there is no frame. */
static __always_inline u64 frame_end(struct walk *w, u64 addr)
{
	const struct abi_py_layout *l = &w->layout;
	u64 code = 0;

	if (walk_read(w, &code, 8, addr + l->frame_code_off))
		return 0;
	code &= ~ABI_REF_TAGS;
	if (!is_surely_code(w, code) || walk_read(w, w->code_block, ABI_CODE_BLOCK, code + l->code_base))
		return 0;
	return addr + l->frame_locals_off + 8ull * code_u32(w, l->code_stacksize_off - l->code_base) +
	       8ull * code_u32(w, l->code_nlocals_off - l->code_base);
}

/*
 * The data stack is full of frames that are gone, in slots of others too, and the evaluator's stack pointer may
 * point at one. The frame that runs is the last one there, but for those that it is about to call: a function, or
 * _Py_InitCleanup and an __init__.
 */
static __always_inline bool is_gone(struct walk *w, u64 frame_addr)
{
	u64 stack[3] = {}, end; /* chunk, top, limit */

	if (!w->layout.ts_stack_off || walk_read(w, stack, sizeof(stack), w->tstate_addr + w->layout.ts_stack_off) ||
	    frame_addr - stack[0] >= stack[2] - stack[0])
		return false; /* a generator's, or in another chunk */
	end = frame_end(w, frame_addr);
	for (u32 i = 0; i < 2 && end && end != stack[1]; i++)
		end = frame_end(w, end);
	return end != stack[1];
}
