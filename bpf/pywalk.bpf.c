/*
 * The walker. It knows mechanisms and offsets, never a version. One block read per frame, one per code
 * object; the state of the loop lives in the map value, so the verifier sees each step only once.
 */
#include "bpf/pywalk.bpf.h"
#include "bpf/code.bpf.h"

enum { WALK_GOES_ON, WALK_ROOT, WALK_TORN, WALK_DEPTH, WALK_TIME, WALK_FAULT };

/* Shims may be piled up without a Python frame between them, so steps are counted apart from frames. */
#define WALK_MAX_STEPS (2 * ABI_MAX_FRAMES)
#define WALK_TIME_EVERY 16

static __always_inline u64 frame_u64(const struct walk *w, u32 off)
{
	return block_u64((const u8 *)w->frame_block, ABI_FRAME_BLOCK, off - w->layout.frame_base);
}

static __always_inline u8 frame_u8(const struct walk *w, u32 off)
{
	return block_u8((const u8 *)w->frame_block, ABI_FRAME_BLOCK, off - w->layout.frame_base);
}

/* Byte offset of the instruction in the code object; what each layout's index or pointer means. */
static __always_inline s32 frame_lasti(const struct walk *w, u64 code_addr)
{
	const struct abi_py_layout *l = &w->layout;
	u64 ip = frame_u64(w, l->frame_ip_off);

	if (l->mech & ABI_MECH_IP_POINTER) {
		s64 off = (s64)(ip - (code_addr + l->code_start_off));

		return off < -1 || off > 0x7fffffff ? -1 : (s32)off;
	}
	return (l->mech & ABI_MECH_IP_UNITS) && (s32)ip >= 0 ? (s32)ip * 2 : (s32)ip;
}

/* The C evaluator was entered between the last stored frame and the next one towards the root. */
static __always_inline void mark_boundary(struct walk *w)
{
	u32 last = w->frame_cnt - 1;

	opaque(last);
	if (last < ABI_MAX_FRAMES)
		w->frames[last].flags |= ABI_FRAME_SHIM_BELOW;
}

static __always_inline void store_frame(struct walk *w, u64 code_addr)
{
	u32 n = w->frame_cnt;
	struct abi_frame *f;

	opaque(n);
	if (n >= ABI_MAX_FRAMES)
		return;
	f = &w->frames[n];
	f->code_key = code_key(w, code_addr);
	f->lasti = frame_lasti(w, code_addr);
	f->flags = f->code_key ? 0 : ABI_FRAME_UNREADABLE;
	if ((w->layout.mech & ABI_MECH_IS_ENTRY) && frame_u8(w, w->layout.frame_is_entry_off))
		f->flags |= ABI_FRAME_SHIM_BELOW;
	w->frame_cnt = n + 1;
}

/*
 * Compilers may order a frame switch so that for an instant a generator is current and already cut from its
 * caller (Python/ceval.c, YIELD_VALUE). Such a chain ends where none can end.
 */
static __always_inline u32 walk_end(const struct walk *w)
{
	const struct abi_py_layout *l = &w->layout;

	if (l->torn_owners && l->torn_owners >> (frame_u8(w, l->frame_owner_off) & 15) & 1)
		return WALK_TORN;
	return WALK_ROOT;
}

static __always_inline u32 walk_step(struct walk *w)
{
	const struct abi_py_layout *l = &w->layout;

	if (!w->frame_addr)
		return WALK_ROOT;
	if (w->frame_cnt >= w->max_frames)
		return WALK_DEPTH;
	if (++w->visited % WALK_TIME_EVERY == 0 && now_ns() > w->deadline_ns)
		return WALK_TIME;
	if (read_user(w->frame_block, ABI_FRAME_BLOCK, w->frame_addr + l->frame_base))
		return WALK_FAULT;
	if ((l->mech & ABI_MECH_OWNER) && frame_u8(w, l->frame_owner_off) >= l->owner_shim)
		mark_boundary(w);
	else
		store_frame(w, frame_u64(w, l->frame_code_off));
	if (w->garbage)
		return WALK_TORN;
	w->frame_addr = frame_u64(w, l->frame_prev_off);
	return w->frame_addr ? WALK_GOES_ON : walk_end(w);
}

#ifdef PYBPF_HOST
static void walk_loop(struct walk *w)
{
	for (u32 i = 0; i < WALK_MAX_STEPS && w->stop == WALK_GOES_ON; i++)
		w->stop = walk_step(w);
}
#else
struct walk_ctx {
	struct walk *w;
};

static long walk_callback(u32 i, struct walk_ctx *ctx)
{
	struct walk *w = ctx->w;

	w->stop = walk_step(w);
	return w->stop != WALK_GOES_ON;
}

static __always_inline void walk_loop(struct walk *w)
{
	struct walk_ctx ctx = {w};

	bpf_loop(WALK_MAX_STEPS, walk_callback, &ctx, 0);
}
#endif

__hidden u32 pywalk(struct walk *w)
{
	w->stop = WALK_GOES_ON;
	w->frame_cnt = w->todo_cnt = w->visited = w->garbage = 0;
	walk_loop(w);
	if (w->stop == WALK_ROOT)
		return w->frame_cnt ? ABI_OK : ABI_NO_FRAME;
	if (w->stop == WALK_TORN) {
		w->frame_cnt = w->todo_cnt = 0;
		return ABI_TORN;
	}
	if (!w->frame_cnt)
		return w->stop == WALK_FAULT ? ABI_FAULT_FRAME : ABI_NO_FRAME;
	if (w->stop == WALK_FAULT)
		return ABI_CUT_FAULT;
	return w->stop == WALK_TIME ? ABI_CUT_TIME : ABI_CUT_DEPTH;
}
