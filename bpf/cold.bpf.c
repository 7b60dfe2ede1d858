/*
 * A tick cannot fault a page in. The sampled task itself can, in task work: it reads the way that the walk will take,
 * then the walk is done again. The thread has not left the kernel meanwhile, so its Python stack is the tick's.
 */
#include "bpf/cold.bpf.h"
#include "bpf/code.bpf.h"
#include "bpf/pywalk.bpf.h"
#include "bpf/sample.bpf.h"
#include "bpf/task_work.bpf.h"
#include "bpf/tstate.bpf.h"

#define TSTATE_READS 8 /* between the thread pointer and the first frame */

static __always_inline long touch(void *dst, u32 size, u64 addr)
{
	return addr ? bpf_copy_from_user(dst, size, (const void *)addr) : -1;
}

struct cold_ctx {
	struct walk *w;
	u64 runtime_addr;
	u32 key;
};

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
static __always_inline void touch_text(struct walk *w, u64 str_addr)
{
	const struct abi_py_layout *l = &w->layout;
	u64 data = 0;

	touch(w->text_block, sizeof(w->text_block), str_addr + l->str_length_off);
	if (!((u32)w->text_block[2] >> (l->str_compact_bit & 31) & 1) &&
	    !touch(&data, sizeof(data), str_addr + l->str_compact_off))
		touch(w->text_block, sizeof(w->text_block), data);
}

/* Line table and names, where the fingerprint is made of their content. */
static __always_inline void touch_content(struct walk *w)
{
	const struct abi_py_layout *l = &w->layout;
	u64 lines = code_u64(w, w->code_lines), size = 0;

	touch_text(w, code_u64(w, w->code_name));
	touch_text(w, code_u64(w, w->code_file));
	if (touch(w->lines_block, sizeof(w->lines_block), lines + l->bytes_size_off))
		return;
	size = w->lines_block[0];
	lines += l->bytes_data_off;
	if (size > ABI_LINES_HASHED) {
		lines += size - ABI_LINES_HASHED;
		size = ABI_LINES_HASHED;
	}
	opaque(size);
	if (size <= ABI_LINES_HASHED)
		touch(w->lines_rest, (u32)size, lines);
}

static long touch_frame(u32 i, struct cold_ctx *ctx)
{
	struct walk *w = ctx->w;
	const u8 *block = (const u8 *)w->window;

	if (touch(w->window, ABI_FRAME_BLOCK, w->frame_addr + w->layout.frame_base))
		return 1;
	if (!touch(w->code_block, ABI_CODE_BLOCK, masked_u64(block, w->frame_code) + w->layout.code_base) &&
	    !(w->layout.mech & ABI_MECH_VERSION))
		touch_content(w);
	w->frame_addr = masked_u64(block, w->frame_prev);
	return !w->frame_addr;
}

static __always_inline void bring_in(struct walk *w, u64 runtime_addr)
{
	struct cold_ctx ctx = {.w = w, .runtime_addr = runtime_addr};

	pywalk_prepare(w);
	w->frame_addr = 0;
	bpf_loop(TSTATE_READS, touch_tstate, &ctx, 0);
	if (w->frame_addr)
		bpf_loop(ABI_MAX_FRAMES, touch_frame, &ctx, 0);
}

struct try_ctx {
	struct cold_slot *slot;
	struct abi_proc *p;
};

/* Once more, when it was swapped out again meanwhile. */
static long try_walk(u32 i, struct try_ctx *ctx)
{
	struct walk *w = &ctx->slot->walk;

	bring_in(w, ctx->p->runtime_addr);
	ctx->slot->outcome = sample_walk(w, ctx->p);
	return !sample_is_cold(w, ctx->slot->outcome);
}

__hidden void cold_walk(struct cold_slot *slot)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct walk *w = &slot->walk;
	u32 tgid = w->sample.hdr.tgid;
	struct abi_proc *p = bpf_map_lookup_elem(&procs, &tgid);

	struct try_ctx ctx = {.slot = slot, .p = p};

	/* An exec in between made the addresses foreign. */
	if (p && p->image_id == w->image_id && slot->mm == (u64)task->mm && !sample_prepare(w, p))
		bpf_loop(COLD_TRIES, try_walk, &ctx, 0);
	sample_again(w, p, slot->outcome, slot->mm);
	give_back(slot);
}

__hidden int cold_schedule(struct walk *w, u64 mm, u32 outcome)
{
	struct cold_slot *slot = take_slot(cold_slots, COLD_SLOTS);

	if (!slot)
		return -1;
	slot->mm = mm;
	slot->outcome = outcome;
	slot->walk.sample = w->sample;
	slot->walk.image_id = w->image_id;
	slot->walk.alone = 1;
	if (!task_work_cold(slot))
		return 0;
	give_back(slot);
	return -1;
}
