/*
 * Names are caught while the process is alive. With task work (6.18+) a tick schedules a callback that the
 * sampled task runs before it returns to user mode: there page faults are allowed, so everything can be
 * read. Elsewhere the tick itself copies what is resident; what is not, user space is asked to read.
 */
#include "bpf/code.bpf.h"
#include "bpf/record.bpf.h"
#include "bpf/task_work.bpf.h"

/* `sleepable` is a constant at each inlined call, so only one helper is left. */
static __always_inline long read_code(void *dst, u32 size, u64 addr, bool sleepable)
{
	if (sleepable)
		return bpf_copy_from_user(dst, size, (const void *)addr);
	return bpf_probe_read_user(dst, size, (const void *)addr);
}

struct text_place {
	u64 addr, length;
	u32 kind; /* bytes per code point */
};

/*
 * Include/cpython/unicodeobject.h: the characters of a compact string are right behind its head (PyASCIIObject,
 * PyCompactUnicodeObject), those of others, such as instances of subclasses, where PyUnicodeObject.data says. Up to
 * 3.11 a string may have been made of wchar_t's and be nothing else yet: kind 0.
 */
static __always_inline long find_text(const struct abi_py_layout *l, u64 str_addr, struct text_place *t,
				      bool sleepable)
{
	u64 length_off = l->str_length_off, data_off = l->str_compact_off;
	u32 state = 0;

	if (read_code(&state, 4, str_addr + l->str_state_off, sleepable))
		return -1;
	t->kind = state >> (l->str_kind_shift & 31) & 7;
	if (!t->kind && l->str_wstr_off) {
		t->kind = 4;
		length_off = l->str_wstr_length_off;
		data_off = l->str_wstr_off;
	}
	if ((t->kind != 1 && t->kind != 2 && t->kind != 4) ||
	    read_code(&t->length, 8, str_addr + length_off, sleepable))
		return -1;
	if (!(state >> (l->str_compact_bit & 31) & 1))
		return read_code(&t->addr, 8, str_addr + data_off, sleepable);
	t->addr = str_addr + (state >> (l->str_ascii_bit & 31) & 1 ? l->str_ascii_off : data_off);
	return 0;
}

/* A string object's characters to `dst`, which has room for ABI_MAX_TEXT bytes. */
static __always_inline void read_text(const struct abi_py_layout *l, u64 str_addr, struct abi_text *text,
				      char *dst, bool sleepable)
{
	struct text_place t = {};
	u64 bytes;
	u32 n;

	text->bytes = 0;
	text->kind = 1;
	text->flags = ABI_TEXT_UNREADABLE;
	text->pad = 0;
	if (find_text(l, str_addr, &t, sleepable))
		return;
	text->kind = (u8)t.kind;
	bytes = (t.length > ABI_MAX_TEXT ? ABI_MAX_TEXT + 1 : t.length) * t.kind;
	n = bytes > ABI_MAX_TEXT ? ABI_MAX_TEXT : (u32)bytes;
	opaque(n);
	if (n > ABI_MAX_TEXT || (n && read_code(dst, n, t.addr, sleepable)))
		return;
	text->flags = bytes > ABI_MAX_TEXT ? ABI_TEXT_CUT : 0;
	text->bytes = n;
}

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
	if (n > ABI_CODE_CHUNK || read_code(b->lines_data, n, b->lines_addr + off, sleepable))
		return 1;
	record_header(&b->lines.hdr, ABI_REC_LINES, sizeof(b->lines) + n);
	b->lines.code_key = b->code.code_key;
	b->lines.offset = off;
	b->lines.bytes = n;
	return bpf_ringbuf_output(&events, &b->lines, sizeof(b->lines) + n, BPF_RB_NO_WAKEUP) != 0;
}

struct lines_ctx {
	struct code_buf *b;
};

static long chunk_now(u32 i, struct lines_ctx *ctx)
{
	return send_chunk(ctx->b, i, false);
}

static long chunk_sleepable(u32 i, struct lines_ctx *ctx)
{
	return send_chunk(ctx->b, i, true);
}

static __always_inline void send_lines(struct code_buf *b, bool sleepable)
{
	struct lines_ctx ctx = {b};

	if (sleepable)
		bpf_loop(ABI_SENT_LINES / ABI_CODE_CHUNK, chunk_sleepable, &ctx, 0);
	else
		bpf_loop(ABI_SENT_LINES / ABI_CODE_CHUNK, chunk_now, &ctx, 0);
}

static __always_inline void mark_seen(u64 key)
{
	u32 bucket = key % SEEN_BUCKETS;
	struct seen_bucket *b = bpf_map_lookup_elem(&seen, &bucket);

	if (!b || b->way[0] == key || b->way[1] == key || b->way[2] == key || b->way[3] == key)
		return;
	b->way[bpf_get_prandom_u32() % SEEN_WAYS] = key;
}

/* Names are put one behind the other: the file name starts where the name ends. */
static __always_inline u32 read_names(struct code_buf *b, const struct abi_py_layout *l, bool sleepable)
{
	u32 at;

	read_text(l, buf_u64(b, l, l->code_name_off), &b->code.name, b->data, sleepable);
	at = b->code.name.bytes;
	opaque(at);
	if (at > ABI_MAX_TEXT)
		return 0;
	read_text(l, buf_u64(b, l, l->code_filename_off), &b->code.file, b->data + at, sleepable);
	return at + b->code.file.bytes;
}

static __always_inline void send_code(struct code_buf *b, const struct abi_py_layout *l,
				      const struct code_todo *todo, bool sleepable)
{
	u64 lines_addr, lines_size = 0;
	u32 size = sizeof(b->code);

	b->code.code_key = todo->key;
	b->code.code_addr = todo->addr;
	b->code.flags = 0;
	b->code.lines_bytes = 0;
	b->code.pad = 0;
	b->code.first_line = 0;
	b->code.name.bytes = b->code.file.bytes = 0;
	b->code.name.flags = b->code.file.flags = ABI_TEXT_UNREADABLE;
	if (read_code(b->block, ABI_CODE_BLOCK, todo->addr + l->code_base, sleepable)) {
		b->code.flags = ABI_CODE_UNREADABLE;
	} else {
		b->code.first_line = (s32)block_u32((const u8 *)b->block, ABI_CODE_BLOCK,
						    l->code_firstlineno_off - l->code_base);
		size += read_names(b, l, sleepable);
		lines_addr = buf_u64(b, l, l->code_lines_off);
		if (read_code(&lines_size, 8, lines_addr + l->bytes_size_off, sleepable) ||
		    lines_size > ABI_SENT_LINES)
			b->code.flags = ABI_CODE_UNREADABLE;
		else
			b->code.lines_bytes = (u32)lines_size;
		if ((b->code.name.flags | b->code.file.flags) & ABI_TEXT_UNREADABLE)
			b->code.flags = ABI_CODE_UNREADABLE;
	}
	opaque(size);
	if (size > sizeof(b->code) + 2 * ABI_MAX_TEXT)
		return;
	record_header(&b->code.hdr, ABI_REC_CODE, size);
	if (bpf_ringbuf_output(&events, &b->code, size,
			       b->code.flags ? BPF_RB_FORCE_WAKEUP : record_wake_flags()))
		return;
	mark_seen(todo->key);
	b->lines_addr = buf_u64(b, l, l->code_lines_off) + l->bytes_data_off;
	if (b->code.lines_bytes)
		send_lines(b, sleepable);
}

struct send_ctx {
	struct walk *w;
	struct code_buf *b;
	struct code_slot *slot;
	const struct abi_py_layout *l;
	u32 cnt;
	u64 until_ns;
};

static long send_now_one(u32 i, struct send_ctx *ctx)
{
	if (i >= ctx->cnt || i >= CODE_TODO_MAX || bpf_ktime_get_ns() > ctx->until_ns)
		return 1;
	send_code(ctx->b, &ctx->w->layout, &ctx->w->todo[i], false);
	return 0;
}

__verified_once int code_send_now(struct walk *w)
{
	u32 zero = 0;
	struct code_buf *b = bpf_map_lookup_elem(&code_bufs, &zero);
	struct send_ctx ctx = {.w = w, .b = b};

	if (!w || !b)
		return 0;
	ctx.cnt = w->todo_cnt;
	ctx.until_ns = bpf_ktime_get_ns() + CODE_NOW_NS;
	b->code.image_id = w->image_id;
	b->code.layout_id = w->layout_id;
	bpf_loop(CODE_TODO_MAX, send_now_one, &ctx, 0);
	return 0;
}

static long send_slot_one(u32 i, struct send_ctx *ctx)
{
	if (i >= ctx->cnt || i >= CODE_TODO_MAX)
		return 1;
	if (code_is_new(ctx->slot->todo[i].key))
		send_code(&ctx->slot->buf, ctx->l, &ctx->slot->todo[i], true);
	return 0;
}

/* In the sampled task, where faults are allowed. An exec in between made the addresses foreign. */
__hidden void code_read(struct code_slot *slot)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct send_ctx ctx = {.slot = slot, .cnt = slot->todo_cnt};
	u32 layout_id = slot->layout_id;

	ctx.l = bpf_map_lookup_elem(&layouts, &layout_id);
	if (ctx.l && slot->mm == (u64)task->mm) {
		slot->buf.code.image_id = slot->image_id;
		slot->buf.code.layout_id = slot->layout_id;
		bpf_loop(CODE_TODO_MAX, send_slot_one, &ctx, 0);
	}
	give_back(slot);
}

__hidden int code_schedule(struct walk *w, u64 mm)
{
	struct code_slot *slot = take_slot(code_slots, CODE_SLOTS);
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
