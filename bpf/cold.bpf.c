/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * A tick cannot fault a page in. The sampled task itself can, in task work: it reads the way that the walk will take,
 * then the walk is done again. The thread has not left the kernel meanwhile, so its Python stack is the tick's.
 */
#include "bpf/cold.bpf.h"
#include "bpf/code.bpf.h"
#include "bpf/fault.bpf.h"
#include "bpf/pywalk.bpf.h"
#include "bpf/sample.bpf.h"
#include "bpf/task_work.bpf.h"
#include "bpf/tstate.bpf.h"

#define TSTATE_READS 8 /* between the thread pointer and the first frame */

struct cold_ctx {
	struct walk *w;
	u64 runtime_addr;
	u32 key;
	u32 missing; /* some of it does not come */
};

static __always_inline long touch(void *dst, u32 size, u64 addr)
{
	return addr ? read_faulting(dst, size, addr) : -1;
}

static __always_inline long bring(struct cold_ctx *ctx, void *dst, u32 size, u64 addr)
{
	long err = touch(dst, size, addr);

	ctx->missing |= err != 0;
	return err;
}

/* Each try comes one read further. */
static long touch_tstate(u32 i, struct cold_ctx *ctx)
{
	struct walk *w = ctx->w;

	w->fault_addr = 0;
	tstate_find(w, ctx->runtime_addr, w->sample.thread_ident, &ctx->key);
	/* As much as the largest of these reads: it may lie on two pages. */
	return touch(w->tstate_block, sizeof(w->tstate_block), w->fault_addr) &&
	       touch(w->tstate_block, sizeof(u64), w->fault_addr);
}

/* The characters of a string that is not compact lie elsewhere. */
static __always_inline void touch_text(struct cold_ctx *ctx, u64 str_addr)
{
	struct walk *w = ctx->w;
	const struct abi_py_layout *l = &w->layout;
	u64 data = 0;
	u32 state;

	if (bring(ctx, w->text_block, 8 * TEXT_HEAD_WORDS, str_addr + l->str_length_off))
		return;
	state = (u32)w->text_block[2];
	touch(w->text_block, 8 * TEXT_WORDS,
	      str_addr + l->str_length_off); /* it may be shorter, and the last in memory */
	if (!(state >> (l->str_compact_bit & 31) & 1) &&
	    !bring(ctx, &data, sizeof(data), str_addr + l->str_compact_off))
		touch(w->text_block, 8 * TEXT_WORDS, data);
}

/* Line table and names, where the fingerprint is made of their content. */
static __always_inline void touch_content(struct cold_ctx *ctx)
{
	struct walk *w = ctx->w;
	const struct abi_py_layout *l = &w->layout;
	u64 lines = code_u64(w, w->code_lines), size = 0;

	touch_text(ctx, code_u64(w, w->code_name));
	touch_text(ctx, code_u64(w, w->code_file));
	if (bring(ctx, w->lines_block, LINES_START - ABI_LINES_PREFIX, lines + l->bytes_size_off))
		return;
	size = w->lines_block[0];
	touch(w->lines_block, LINES_START, lines + l->bytes_size_off);
	lines += l->bytes_data_off;
	if (size > ABI_LINES_HASHED) {
		lines += size - ABI_LINES_HASHED;
		size = ABI_LINES_HASHED;
	}
	opaque(size);
	if (size <= ABI_LINES_HASHED)
		bring(ctx, w->lines_rest, (u32)size, lines);
}

static long touch_frame(u32 i, struct cold_ctx *ctx)
{
	struct walk *w = ctx->w;
	const u8 *block = (const u8 *)w->buffer;

	u32 bytes = w->frame_bytes;

	opaque(bytes);
	if (bytes > ABI_FRAME_BLOCK || bring(ctx, w->buffer, bytes, w->frame_addr + w->layout.frame_base))
		return 1;
	if (!is_shim(w, block[w->frame_owner & 0x7f]) &&
	    !bring(ctx, w->code_block, ABI_CODE_BLOCK, frame_object(block, w->frame_code) + w->layout.code_base) &&
	    !(w->layout.mech & ABI_MECH_VERSION))
		touch_content(ctx);
	w->frame_addr = masked_u64(block, w->frame_prev);
	return !w->frame_addr;
}

/* False when some of it does not come. */
static __always_inline bool bring_in(struct walk *w, u64 runtime_addr)
{
	struct cold_ctx ctx = {.w = w, .runtime_addr = runtime_addr};

	pywalk_prepare(w);
	w->frame_addr = 0;
	bpf_loop(TSTATE_READS, touch_tstate, &ctx, 0);
	if (!w->frame_addr)
		return false;
	bpf_loop(ABI_MAX_FRAMES, touch_frame, &ctx, 0);
	return !ctx.missing;
}

struct try_ctx {
	struct cold_slot *slot;
	struct abi_proc *p;
};

/* Once more, when it was swapped out again meanwhile: as memory is, page by page, while the thread waits for others. */
static long try_walk(u32 i, struct try_ctx *ctx)
{
	struct walk *w = &ctx->slot->walk;
	bool came = bring_in(w, ctx->p->runtime_addr);

	ctx->slot->outcome = sample_walk(w, ctx->p);
	if (!sample_is_cold(w, ctx->slot->outcome) || (ctx->p->flags & ABI_PROC_SILENT))
		return 1;
	return !came && i + 1 >= COLD_TRIES;
}

__hidden void cold_walk(struct cold_slot *slot)
{
	struct task_struct *task = current_task();
	struct walk *w = &slot->walk;
	u32 tgid = w->sample.hdr.tgid;
	struct abi_proc *p = bpf_map_lookup_elem(&procs, &tgid);

	struct try_ctx ctx = {.slot = slot, .p = p};

	/* An exec in between made the addresses foreign. */
	if (p && p->image_id == w->image_id && slot->mm == (u64)member_of(task, mm) && !sample_prepare(w, p))
		bpf_loop(COLD_TRIES_MOST, try_walk, &ctx, 0);
	sample_again(w, p, slot->outcome, slot->mm);
	slot->busy = SLOT_CLOSING; /* no tick joins any more */
	sample_repeat(w, slot->outcome, slot->more, slot->more_value);
	give_back(slot);
}

/*
 * A tick that comes before its thread is back in user mode finds the stack of the last one, so it takes part in that one's
 * walk. If it asked for one of its own, a thread whose walk takes longer than a period would never get back.
 */
static __always_inline bool join(const struct walk *w)
{
	u32 tid = (u32)bpf_get_current_pid_tgid();

	for (u32 i = 0; i < COLD_SLOTS; i++) {
		u32 at = i;
		struct cold_slot *slot = bpf_map_lookup_elem(&cold_slots, &at);

		if (!slot || slot->busy != tid || slot->walk.image_id != w->image_id ||
		    slot->walk.sample.source != w->sample.source || slot->walk.sample.type != w->sample.type)
			continue;
		slot->more++;
		slot->more_value += w->sample.value;
		return true;
	}
	return false;
}

__hidden int cold_schedule(struct walk *w, u64 mm, u32 outcome)
{
	struct cold_slot *slot;

	if (!HAS_TASK_WORK)
		return -1;
	if (join(w))
		return 0;
	slot = claim_slot(cold_slots, COLD_SLOTS);
	if (!slot)
		return -1;
	slot->mm = mm;
	slot->outcome = outcome;
	slot->more = 0;
	slot->more_value = 0;
	slot->walk.sample = w->sample;
	slot->walk.image_id = w->image_id;
	slot->walk.frame_cnt = slot->walk.todo_cnt = slot->walk.replaced = 0; /* of the last one, if there is no walk */
	if (!task_work_cold(slot))
		return 0;
	give_back(slot);
	return -1;
}
