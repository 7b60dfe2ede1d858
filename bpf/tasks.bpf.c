/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * All that tells one chain of tasks from another is read at each tick, because memory is used again: a task that is made
 * as soon as another one is done mostly stands in its place, with its name and its coroutine in theirs.
 *
 * Modules/_asynciomodule.c: FutureObj knows who awaits it: a task, a gather() (which another one awaits), or a set of these.
 * A name that nobody gave is a number until somebody asks for it (TaskObj.task_name).
 */
#include "bpf/tasks.bpf.h"
#include "bpf/code.bpf.h"
#include "bpf/record.bpf.h"
#include "bpf/text.bpf.h"

/* Include/cpython/object.h: PyTypeObject has its ob_type so far before these */
#define TYPE_BASICSIZE (32 - 8)
#define TYPE_FLAGS     (168 - 8)
#define IS_INT         (1ull << 24) /* Include/object.h: Py_TPFLAGS_LONG_SUBCLASS, Py_TPFLAGS_UNICODE_SUBCLASS */
#define IS_STR         (1ull << 28)
/* Behind PyObject, of which ob_type is the last member: */
#define BODY      8
#define INT_SIZE  (BODY + 0)  /* Include/cpython/longintrepr.h: lv_tag, digits of 30 bits */
#define SET_TABLE (BODY + 24) /* Include/cpython/setobject.h: PySetObject.table, of {key, hash}, at least eight */
#define SET_LOOKS 8           /* entries of it that are looked at */

#define SEND_AGAIN_NS 10000000000ull /* user space forgets what it has not heard of for longer, if there is very much */

static __always_inline u64 task_u64(const struct walk *w, u32 off)
{
	return block_u64((const u8 *)w->task_block, sizeof(w->task_block), off);
}

static __always_inline u8 task_u8(const struct walk *w, u32 off)
{
	return block_u8((const u8 *)w->task_block, sizeof(w->task_block), off);
}

/* Objects of asyncio's classes in Python are smaller, and have none of this. */
static __always_inline bool load_future(struct walk *w, u64 addr)
{
	const struct abi_py_layout *l = &w->layout;
	u64 size = 0, least = (u64)l->task_several_off + 1;

	if (!is_object_address(addr) || !read_start(w, w->task_block, ABI_TASK_BLOCK, addr) ||
	    walk_read(w, &size, sizeof(size), task_u64(w, l->type_off) + l->type_off + TYPE_BASICSIZE))
		return false;
	if (task_u8(w, l->task_is_task_off) == 1)
		least = (u64)l->task_name_off + 8;
	return size >= least;
}

/* One of a set: an entry that was deleted has a hash of -1. */
static __always_inline u64 one_of(struct walk *w, u64 set)
{
	u64 table = 0, *entries = w->task_text;

	if (walk_read(w, &table, sizeof(table), set + w->layout.type_off + SET_TABLE) ||
	    walk_read(w, entries, SET_LOOKS * 16, table)) {
		w->tasks.cut = 1;
		return 0;
	}
	for (u32 i = 0; i < SET_LOOKS; i++)
		if (entries[2 * i] && entries[2 * i + 1] != ~0ull)
			return entries[2 * i];
	return 0;
}

static __always_inline u64 awaiter(struct walk *w)
{
	u64 by = task_u64(w, w->layout.task_awaiter_off);

	return by && task_u8(w, w->layout.task_several_off) ? one_of(w, by) : by;
}

/*
 * The block has the beginning of a str, from its length on; hash and state are next, and then what differs between its
 * kinds: the first characters at least. What is behind its end counts for nothing.
 */
#define NAME_HEAD  3 /* words */
#define NAME_WORDS (TEXT_BYTES / 8)

static __always_inline u64 mix_name(struct walk *w, u64 h, u64 name)
{
	const struct abi_py_layout *l = &w->layout;
	u32 state = (u32)w->text_block[2], kind = state >> (l->str_kind_shift & 31) & 7;
	u64 bytes = w->text_block[0] * kind;

	if (!(state >> (l->str_ascii_bit & 31) & 1))
		bytes += l->str_compact_off - l->str_ascii_off;
	bytes += l->str_ascii_off - l->str_length_off - 8 * NAME_HEAD;
	h = code_mix(code_mix(code_mix(h, name), w->text_block[0]), state);
	cut_words(w->text_block + NAME_HEAD, NAME_WORDS, bytes);
	for (u32 i = NAME_HEAD; i < NAME_HEAD + NAME_WORDS; i++)
		h = code_mix(h, w->text_block[i]);
	return h;
}

static __always_inline u64 int_of(const u64 *body)
{
	u64 digits = body[1];

	return body[0] >> 3 > 1 ? (digits & 0xffffffff) | digits >> 32 << 30 : digits & 0xffffffff;
}

/* False when that is no task. */
static __always_inline bool add_task(struct walk *w, struct abi_task *t, struct task_source *from)
{
	const struct abi_py_layout *l = &w->layout;
	u64 name = task_u64(w, l->task_name_off), h = w->sample.tasks_key, type = 0, flags = 0, body[2] = {};

	from->name = name;
	from->coroutine = task_u64(w, l->task_coro_off);
	t->number = 0;
	if (!is_object_address(name) || walk_read(w, &type, sizeof(type), name + l->type_off) ||
	    walk_read(w, &flags, sizeof(flags), type + l->type_off + TYPE_FLAGS))
		return false;
	if (flags & IS_INT) {
		if (walk_read(w, body, sizeof(body), name + l->type_off + INT_SIZE))
			return false;
		t->number = int_of(body);
		h = code_mix(code_mix(h, from->coroutine), t->number);
	} else if (flags & IS_STR) {
		if (read_start(w, w->text_block, 8 * TEXT_WORDS, name + l->str_length_off) < 8 * NAME_HEAD)
			return false;
		h = mix_name(w, h, name);
	} else {
		return false;
	}
	w->sample.tasks_key = h;
	return true;
}

static __always_inline u32 take_step(u32 i, struct walk *w)
{
	u32 n = w->tasks.cnt;

	if (!load_future(w, w->task_addr)) {
		w->tasks.cut = 1;
		return 1;
	}
	if (task_u8(w, w->layout.task_is_task_off) == 1) {
		opaque(n);
		if (n >= ABI_MAX_TASKS) {
			w->tasks.cut = 1;
			return 1;
		}
		if (!add_task(w, &w->task[n], &w->task_from[n])) {
			w->tasks.cut = 1;
			return 1;
		}
		w->tasks.cnt = (u16)(n + 1);
	} else if (!n) {
		return 1; /* what runs is a task */
	}
	w->task_addr = awaiter(w);
	return !w->task_addr;
}

SCRATCH_LOOP(take_steps, struct walk, TASK_STEPS, take_step)

/* As read_text(), with less room. */
static __always_inline void read_short(struct walk *w, u64 str_addr, struct abi_text *text, char *dst)
{
	struct text_location t = {};
	u64 bytes;
	u32 n;

	text->bytes = 0;
	text->kind = 1;
	text->flags = ABI_TEXT_UNREADABLE;
	if (!str_addr || find_text(&w->layout, str_addr, &t, false))
		return;
	text->kind = (u8)t.kind;
	bytes = (t.length > ABI_TASK_TEXT ? ABI_TASK_TEXT + 1 : t.length) * t.kind;
	n = bytes > ABI_TASK_TEXT ? ABI_TASK_TEXT : (u32)bytes;
	opaque(n);
	if (n > ABI_TASK_TEXT || (n && walk_read(w, dst, n, t.addr)))
		return;
	text->flags = bytes > ABI_TASK_TEXT ? ABI_TEXT_CUT : 0;
	text->bytes = n;
}

static __always_inline u32 name_step(u32 i, struct walk *w)
{
	struct abi_task *t;
	u64 name = 0;

	opaque(i);
	if (i >= ABI_MAX_TASKS || i >= w->tasks.cnt)
		return 1;
	t = &w->task[i];
	t->name = t->coroutine = (struct abi_text){.kind = 1, .flags = ABI_TEXT_UNREADABLE};
	if (!t->number)
		read_short(w, w->task_from[i].name, &t->name, t->text);
	else if (!walk_read(w, &name, sizeof(name), w->task_from[i].coroutine + w->layout.coro_name_off))
		read_short(w, name, &t->coroutine, t->text);
	return 0;
}

SCRATCH_LOOP(name_steps, struct walk, TASK_STEPS, name_step)

static __always_inline void send_tasks(struct walk *w)
{
	u32 n = w->tasks.cnt, bucket = w->sample.tasks_key % TASKS_SEEN, size;
	struct seen_tasks *seen_here = bpf_map_lookup_elem(&tasks_seen, &bucket);

	opaque(n);
	if (!seen_here || n > ABI_MAX_TASKS ||
	    (seen_here->key == w->sample.tasks_key && w->sample.hdr.time_ns - seen_here->sent_ns < SEND_AGAIN_NS))
		return;
	name_steps(w);
	size = sizeof(w->tasks) + n * sizeof(w->task[0]);
	record_header(&w->tasks.hdr, ABI_REC_TASKS, size);
	w->tasks.key = w->sample.tasks_key;
	w->tasks.image_id = w->image_id;
	if (bpf_ringbuf_output(&events, &w->tasks, size, BPF_RB_NO_WAKEUP))
		return;
	seen_here->key = w->sample.tasks_key;
	seen_here->sent_ns = w->sample.hdr.time_ns;
}

__verified_once u32 tasks_take(struct walk *w)
{
	u32 others;

	if (!w)
		return ABI_INTERNAL;
	w->sample.tasks_key = 0;
	if (!w->layout.ts_task_off ||
	    walk_read(w, &w->task_addr, sizeof(w->task_addr), w->tstate_addr + w->layout.ts_task_off) || !w->task_addr)
		return ABI_OK;
	others = w->cold;
	w->tasks.cnt = w->tasks.cut = 0;
	w->sample.tasks_key = code_mix(CODE_SEED ^ w->image_id, 0);
	take_steps(w);
	w->cold = others; /* what is swapped out cuts the chain, and no more */
	if (!w->tasks.cnt) {
		w->sample.tasks_key = 0;
		return ABI_OK;
	}
	w->sample.tasks_key = code_mix(w->sample.tasks_key, w->tasks.cut) | 1;
	send_tasks(w);
	return ABI_OK;
}
