/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Frames of C code, of user space and of the kernel (--native). While the Python frames are walked, it is noted where on the
 * C stack each invocation of the C evaluator has an object of its own; by that the native frame that it is is found again.
 */
#pragma once
#include "bpf/pywalk.bpf.h"
#include "bpf/start.bpf.h"

#ifdef PYBPF_NO_MAPS
static __always_inline struct native *noted_by(const struct walk *w)
{
	return w->native == NATIVE_WANTED ? host_native(w) : NULL;
}
#else
/*
 * Unwinds the current thread's user stack into `natives`, by the tables of that image, and finds the runs that were noted
 * on it. ABI_OK or ABI_INTERNAL.
 */
u32 native_walk(u32 slot, u32 image_id);
/* Sends a sample with its native part, which is in `natives`. 0 or negative. */
long native_send(struct stack *s, u32 slot, u64 flags);
/* Keeps that of a walk, as number `at` of `kept_natives`, … */
void native_keep(struct walk *w, u32 at);
/* … and sends it, with so many frames of the kernel that are in `natives`. */
long native_send_kept(struct stack *s, u32 slot, u32 at, u32 kernel_cnt, u64 flags);

static __always_inline struct native *native_of(u32 slot)
{
	return bpf_map_lookup_elem(&natives, &slot);
}

/* Where in the kernel a task is that does not run: into ABI_MAX_KERNEL words; how many. */
static __always_inline u32 native_kernel_of(struct task_struct *task, u64 *out)
{
	long bytes = HAS_NATIVE && cfg_native && cfg_kernel ? kernel_stack_of(task, out, 8 * ABI_MAX_KERNEL) : 0;

	return bytes > 0 ? (u32)bytes / 8 : 0;
}

/* The same, as they were found before, into `natives`. */
static __always_inline u16 native_put_kernel(u32 slot, const u64 *frames, u32 cnt)
{
	struct native *n = cfg_native ? native_of(slot) : NULL;

	if (!n || !cnt)
		return 0;
	bpf_probe_read_kernel(n->kernel, sizeof(n->kernel), frames);
	return (u16)cnt;
}

/* Where a walk notes it; NULL: nobody wants to know. */
static __always_inline struct native *noted_by(const struct walk *w)
{
	return cfg_native && w->native == NATIVE_WANTED ? native_of(w->slot) : NULL;
}
#endif

static __always_inline u64 native_cframe(const struct walk *w)
{
	return w->layout.ts_cframe_off
		       ? block_u64((const u8 *)w->tstate_block, ABI_TSTATE_BLOCK, w->layout.ts_cframe_off)
		       : w->cframe_addr;
}

/* The walk begins, maybe anew: in the invocation that memory names. */
static __always_inline void native_begin(const struct walk *w)
{
	struct native *n = noted_by(w);

	if (!n)
		return;
	n->head.run_cnt = 0;
	n->layout_id = w->layout_id;
	n->skip = 1;
	n->entries[0] = 0;
	n->cframe = native_cframe(w);
}

/* At the frame that a register stood for: the cframe that was current before, or any of the invocation's frames. */
static __always_inline void native_started(const struct walk *w, u32 turn, u32 i)
{
	struct native *n;

	opaque(i);
	n = turn == TURN_CFRAME && i < ARCH_USER_REGISTERS ? noted_by(w) : NULL;
	if (n)
		n->cframe = w->registers[i];
}

/* Nobody knows in which invocation. */
static __always_inline void native_nowhere(const struct walk *w)
{
	struct native *n = noted_by(w);

	if (n)
		n->cframe = 0;
}

/* The invocation whose own object lies at `entry` runs the frames since the last one. */
static __always_inline void native_run(const struct walk *w, struct native *n, u64 entry)
{
	u32 at = n->head.run_cnt;

	opaque(at);
	if (at >= ABI_MAX_RUNS)
		return;
	n->entries[at + 1] = entry;
	n->runs[at].frame_cnt = (u16)w->frame_cnt;
	n->runs[at].native = ABI_NOWHERE;
	n->head.run_cnt = (u16)(at + 1);
}

static __always_inline void native_next_cframe(struct walk *w, struct native *n)
{
	if (!n->cframe || walk_read(w, &n->cframe, 8, n->cframe + w->layout.cframe_prev_off))
		n->cframe = 0;
}

/*
 * The frame at hand may end a run. Python 3.12 and newer link a frame of the evaluator's own behind it (Python/ceval.c:
 * _PyEval_EvalFrameDefault, entry_frame; 3.14: entry.frame); in 3.11 the first frame says that it is, and the cframe lies there.
 * In 3.10 each frame has an invocation, and each invocation a cframe; the innermost may look compiled, as it has not run yet.
 */
static __always_inline void native_frame(struct walk *w, u8 owner, const u8 *block)
{
	bool shim = is_shim(w, owner);
	bool entry = w->layout.ts_cframe_off ? !w->compiled || w->frame_cnt == 1
					     : (w->layout.mech & ABI_MECH_IS_ENTRY) && block[w->frame_is_entry & 0x7f];
	struct native *n = shim || entry ? noted_by(w) : NULL;

	if (!n)
		return;
	native_run(w, n, shim ? w->frame_addr : n->cframe);
	if (!shim)
		native_next_cframe(w, n);
}

/*
 * 3.10: a cframe becomes current a little before its frame does, and is left a little before it (Python/ceval.c:
 * _PyEval_EvalFrameDefault). Which frame has which is told by the last of both: that of the thread state itself is no
 * invocation's.
 */
static __always_inline void native_end(struct walk *w, bool whole)
{
	struct native *n;
	u32 at;

	n = w->layout.ts_cframe_off ? noted_by(w) : NULL;
	if (!n || is_in_tstate(w, n->cframe))
		return;
	at = n->head.run_cnt;
	opaque(at);
	if (whole && at && at < ABI_MAX_RUNS && is_in_tstate(w, n->entries[at])) {
		n->skip = 0;
		return;
	}
	n->head.run_cnt = 0; /* no matter which is which, unless … */
	if (!whole || at >= ABI_MAX_RUNS)
		return;
	n->entries[at + 1] = n->cframe;
	native_next_cframe(w, n);
	if (!is_in_tstate(w, n->cframe))
		return;
	n->head.run_cnt = (u16)at;
	n->skip = 2;
}
