/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Names are caught while the process is alive. With task work (6.18+) a tick schedules a callback that the
 * sampled task runs before it returns to user mode: there page faults are allowed, so everything can be
 * read. Elsewhere the tick itself copies what is resident; what is not, user space is asked to read.
 */
#include "bpf/code.bpf.h"
#include "bpf/module.bpf.h"
#include "bpf/record.bpf.h"
#include "bpf/task_work.bpf.h"

#define CHUNKS (ABI_SENT_LINES / ABI_CODE_CHUNK) /* of a line table, at most */

static __always_inline u64 buf_u64(const struct code_buf *b, const struct abi_py_layout *l, u32 off)
{
	return block_u64((const u8 *)b->block, ABI_CODE_BLOCK, off - l->code_base);
}

/* The line table goes out in chunks; the user side puts them together by offset. */
static __always_inline long send_chunk(struct code_buf *b, u32 i, bool sleepable)
{
	u32 off = i * ABI_CODE_CHUNK, n = b->code.lines_bytes - off;

	if (off >= b->code.lines_bytes)
		return 1;
	if (n > ABI_CODE_CHUNK)
		n = ABI_CODE_CHUNK;
	opaque(n);
	if (n > ABI_CODE_CHUNK || read_code(b->lines_data, n, b->lines_addr + off, sleepable)) {
		b->code.flags = ABI_CODE_UNREADABLE;
		return 1;
	}
	record_header(&b->lines.hdr, ABI_REC_LINES, sizeof(b->lines) + n);
	b->lines.code_key = b->code.code_key;
	b->lines.offset = off;
	b->lines.bytes = n;
	if (bpf_ringbuf_output(&events, &b->lines, sizeof(b->lines) + n, BPF_RB_NO_WAKEUP))
		return 1;
	b->lines_sent += n;
	return 0;
}

static __always_inline long chunk_now(u32 i, struct code_buf *b)
{
	return send_chunk(b, i, false);
}

static __always_inline long chunk_sleepable(u32 i, struct code_buf *b)
{
	return send_chunk(b, i, true);
}

LOOP(chunks_now, struct code_buf, CHUNKS, chunk_now)
LOOP(chunks_sleepable, struct code_buf, CHUNKS, chunk_sleepable)

/* 0: all of them. */
static __always_inline long send_lines(struct code_buf *b, const struct abi_py_layout *l, bool sleepable)
{
	b->lines_sent = 0;
	if (!b->code.lines_bytes)
		return 0;
	b->lines_addr = buf_u64(b, l, l->code_lines_off) + l->bytes_data_off;
	if (sleepable)
		chunks_sleepable(b, CHUNKS);
	else
		chunks_now(b, CHUNKS);
	return b->lines_sent != b->code.lines_bytes;
}

static __always_inline void mark_seen(u64 key)
{
	u32 bucket = key % ABI_SEEN_BUCKETS;
	struct abi_seen *b = bpf_map_lookup_elem(&seen, &bucket);

	if (!b || b->way[0] == key || b->way[1] == key || b->way[2] == key || b->way[3] == key)
		return;
	b->way[bpf_get_prandom_u32() % ABI_SEEN_WAYS] = key;
}

/* Names are put one behind the other: each starts where the one before ends. */
static __always_inline u32 read_names(struct code_buf *b, const struct abi_py_layout *l, bool sleepable)
{
	u32 at;

	read_text(l, buf_u64(b, l, l->code_name_off), &b->code.name, b->data, sleepable);
	at = b->code.name.bytes;
	opaque(at);
	if (at > ABI_MAX_TEXT)
		return 0;
	read_text(l, buf_u64(b, l, l->code_filename_off), &b->code.file, b->data + at, sleepable);
	at += b->code.file.bytes;
	opaque(at);
	if (at > 2 * ABI_MAX_TEXT)
		return 0;
	read_module(l, b->code.globals_addr, b->entries, &b->code.module, b->data + at, sleepable);
	return at + b->code.module.bytes;
}

/* Fills in the record; gives its size. */
static __always_inline u32 read_head(struct code_buf *b, const struct abi_py_layout *l, const struct code_todo *todo,
				     bool sleepable)
{
	u64 lines_addr, lines_size = 0;
	u32 size = sizeof(b->code);

	b->code.code_key = todo->key;
	b->code.code_addr = todo->addr;
	b->code.globals_addr = todo->globals_addr;
	b->code.flags = 0;
	b->code.lines_bytes = 0;
	b->code.pad = 0;
	b->code.first_line = 0;
	b->code.name.bytes = b->code.file.bytes = b->code.module.bytes = 0;
	b->code.name.flags = b->code.file.flags = b->code.module.flags = ABI_TEXT_UNREADABLE;
	if (read_code(b->block, ABI_CODE_BLOCK, todo->addr + l->code_base, sleepable)) {
		b->code.flags = ABI_CODE_UNREADABLE;
	} else {
		b->code.first_line =
			(s32)block_u32((const u8 *)b->block, ABI_CODE_BLOCK, l->code_firstlineno_off - l->code_base);
		size += read_names(b, l, sleepable);
		lines_addr = buf_u64(b, l, l->code_lines_off);
		if (read_code(&lines_size, 8, lines_addr + l->bytes_size_off, sleepable) || lines_size > ABI_SENT_LINES)
			b->code.flags = ABI_CODE_UNREADABLE;
		else
			b->code.lines_bytes = (u32)lines_size;
		if ((b->code.name.flags | b->code.file.flags) & ABI_TEXT_UNREADABLE)
			b->code.flags = ABI_CODE_UNREADABLE;
	}
	return size;
}

static __always_inline long send_head(struct code_buf *b, u32 size)
{
	opaque(size);
	if (size > sizeof(b->code) + 3 * ABI_MAX_TEXT)
		return -1;
	record_header(&b->code.hdr, ABI_REC_CODE, size);
	return bpf_ringbuf_output(&events, &b->code, size, b->code.flags ? BPF_RB_FORCE_WAKEUP : record_wake_flags());
}

/* A code object that the ring has no room for is sent again when it is next met: only whole ones count as seen. */
static __always_inline void send_code(struct code_buf *b, const struct abi_py_layout *l, const struct code_todo *todo,
				      bool sleepable)
{
	u32 size = read_head(b, l, todo, sleepable);

	if (send_head(b, size))
		return;
	if (send_lines(b, l, sleepable)) {
		if (!b->code.flags)
			return;
		b->code.lines_bytes = 0; /* the rest is for user space to read */
		if (send_head(b, size))
			return;
	}
	mark_seen(todo->key);
}

static __always_inline long send_now_one(u32 i, struct scratch *s)
{
	if (i >= s->walk.todo_cnt || i >= CODE_TODO_MAX || bpf_ktime_get_ns() > s->names_until_ns)
		return 1;
	send_code(&s->code_buf, &s->walk.layout, &s->walk.todo[i], false);
	return 0;
}

SCRATCH_LOOP(send_now, struct scratch, CODE_TODO_MAX, send_now_one)

__verified_once int code_send_now(struct scratch *s)
{
	if (!s)
		return 0;
	s->names_until_ns = bpf_ktime_get_ns() + CODE_NOW_NS;
	s->code_buf.code.image_id = s->walk.image_id;
	s->code_buf.code.layout_id = s->walk.layout_id;
	send_now(s);
	return 0;
}

struct send_ctx {
	struct code_slot *slot;
	const struct abi_py_layout *l;
	u32 cnt;
};

static long send_slot_one(u32 i, struct send_ctx *ctx)
{
	if (i >= ctx->cnt || i >= CODE_TODO_MAX)
		return 1;
	if (key_is_new(ctx->slot->todo[i].key))
		send_code(&ctx->slot->buf, ctx->l, &ctx->slot->todo[i], true);
	return 0;
}

/* In the sampled task, where faults are allowed. An exec in between made the addresses foreign. */
__hidden void code_read(struct code_slot *slot)
{
	struct task_struct *task = current_task();
	struct send_ctx ctx = {.slot = slot, .cnt = slot->todo_cnt};
	u32 layout_id = slot->layout_id;

	ctx.l = bpf_map_lookup_elem(&layouts, &layout_id);
	if (ctx.l && slot->mm == (u64)member_of(task, mm)) {
		slot->buf.code.image_id = slot->image_id;
		slot->buf.code.layout_id = slot->layout_id;
		bpf_loop(CODE_TODO_MAX, send_slot_one, &ctx, 0);
	}
	give_back(slot);
}

__hidden int code_schedule(struct walk *w, u64 mm)
{
	struct code_slot *slot = HAS_TASK_WORK ? claim_slot(code_slots, CODE_SLOTS) : NULL;
	u32 n = w->todo_cnt;

	if (!slot)
		return -1;
	opaque(n);
	if (n > CODE_TODO_MAX)
		n = CODE_TODO_MAX;
	slot->mm = mm;
	slot->image_id = w->image_id;
	slot->layout_id = w->layout_id;
	slot->todo_cnt = n;
	if (!bpf_probe_read_kernel(slot->todo, n * sizeof(slot->todo[0]), w->todo) && !task_work_code(slot))
		return 0;
	give_back(slot);
	return -1;
}
