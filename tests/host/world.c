/* SPDX-License-Identifier: MIT */
#include "tests/host/world.h"
#include "bpf/pywalk.bpf.h"
#include "bpf/tstate.bpf.h"
#include "user/util/alloc.h"
#include <string.h>

#define HOLE           4096
#define TLS_BYTES      64    /* variables of the program, below the thread pointer or behind it */
#define STRUCT_PTHREAD 2304  /* glibc 2.36, x86-64; arm64: with what is behind it */
#define TCB_BYTES      16    /* sysdeps/aarch64/nptl/tls.h: tcbhead_t, between the two */
#define CODE_BYTES     64    /* of instructions behind a code object */
#define FRAME_WORDS    10    /* of a _PyInterpreterFrame with one local: pycore_frame.h */
#define TSTATE_BYTES   360   /* more than is read of it at once */
#define GENERATOR_HEAD 8     /* of what is before the frame in one: its state among it */
#define CHUNK_BYTES    16384 /* Python/pystate.c: DATA_STACK_CHUNK_SIZE */
#define CFRAME_BYTES   24    /* of a _PyCFrame; the thread state's own is its last member */
#define DICT_BYTES     64    /* sizeof(PyDictObject), at most */
#define COPIES         8     /* of a code object's instructions */
#define CHUNK_HEADER   24    /* Include/cpython/pystate.h: struct _stack_chunk up to data */

/* Memory comes in pages; what is allocated lies at the end of one, and behind it is nothing. */
u64 world__alloc(struct world *p, size_t size)
{
	size_t rounded = (size + 15) & ~15ull, bytes = (rounded + HOLE - 1) / HOLE * HOLE;
	u64 first = p->next;

	p->next += bytes + HOLE * (1 + p->allocated++ % 3); /* addresses of all residues */
	image__add(p->m, first, bytes);
	return first + bytes - rounded;
}

static bool has(const struct world *p, u32 mech)
{
	return p->l.mech & mech;
}

const struct arch *world_arch;

u64 world__thread_pointer(const struct world *p)
{
	return p->thread + p->l.thread_below;
}

/* ---- objects -------------------------------------------------------------------------- */

/* Behind it there is something else, as everywhere on a heap. */
u64 world__bytes(struct world *p, const void *data, size_t len)
{
	u64 addr = world__alloc(p, p->l.bytes_data_off + len + 1 + ABI_LINES_PREFIX);

	image__put_u64(p->m, addr + p->l.type_off, p->bytes_type);
	image__put_u64(p->m, addr + p->l.bytes_size_off, len);
	if (len)
		memcpy(image__at(p->m, addr + p->l.bytes_data_off, len), data, len);
	memset(image__at(p->m, addr + p->l.bytes_data_off + len + 1, ABI_LINES_PREFIX), 0x5a, ABI_LINES_PREFIX);
	return addr;
}

u64 world__str(struct world *p, const char *ascii)
{
	size_t len = strlen(ascii);
	u64 addr = world__alloc(p, p->l.str_ascii_off + len + 1);

	image__put_u64(p->m, addr + p->l.type_off, p->str_type);
	image__put_u64(p->m, addr + p->l.str_length_off, len);
	image__put_u32(p->m, addr + p->l.str_state_off,
		       1u << p->l.str_kind_shift | 1u << p->l.str_compact_bit | 1u << p->l.str_ascii_bit);
	memcpy(image__at(p->m, addr + p->l.str_ascii_off, len + 1), ascii, len + 1);
	return addr;
}

/* Objects/dictobject.c: USABLE_FRACTION() of the size are the entries that there is room for. */
u64 world__dict(struct world *p, const struct world_dict *d)
{
	u64 size = 1ull << d->log2_size, room = size * 2 / 3;
	u32 width = d->log2_size < 8 ? 1 : d->log2_size < 16 ? 2 : 4;
	u32 words = has(p, ABI_MECH_KEYS_LOG2) && !d->any_keys ? 2 : 3;
	u64 dict = world__alloc(p, DICT_BYTES);
	u64 keys = world__alloc(p, p->l.keys_indices_off + size * width + room * words * 8), at;

	image__put_u64(p->m, dict + p->l.dict_keys_off, keys);
	if (has(p, ABI_MECH_KEYS_LOG2)) {
		image__put_u8(p->m, keys + p->l.keys_size_off, (u8)d->log2_size);
		image__put_u8(p->m, keys + p->l.keys_size_off + 1u, (u8)(d->log2_size + (width > 1) + (width > 2)));
		image__put_u8(p->m, keys + p->l.keys_size_off + 2u, words == 2);
	} else {
		image__put_u64(p->m, keys + p->l.keys_size_off, size);
	}
	at = keys + p->l.keys_indices_off + size * width;
	for (u32 i = 0; i < d->cnt; i++, at += 8 * words)
		for (u32 k = 0; k < 2; k++)
			image__put_u64(p->m, at + 8 * (words - 2 + k), d->entries[i][k]);
	return dict;
}

u64 world__module(struct world *p, u64 name, u64 package)
{
	const u64 entries[][2] = {{world__str(p, "__name__"), name},
				  {world__str(p, "__doc__"), world__bytes(p, "", 0)},
				  {world__str(p, "__package__"), package}};
	const struct world_dict d = {.entries = entries, .cnt = 3, .log2_size = 3};

	return world__dict(p, &d);
}

u64 world__code(struct world *p, const struct world_code *c)
{
	u64 addr = world__alloc(p, p->row->code_basicsize + CODE_BYTES);

	image__put_u64(p->m, addr + p->l.type_off, p->code_type);
	image__put_u64(p->m, addr + p->l.code_name_off, world__str(p, c->name));
	image__put_u64(p->m, addr + p->l.code_filename_off, world__str(p, c->file));
	image__put_u64(p->m, addr + p->l.code_lines_off, c->lines);
	image__put_u32(p->m, addr + p->l.code_firstlineno_off, c->first_line);
	image__put_u32(p->m, addr + p->l.code_flags_off, ABI_CODE_OPTIMIZED);
	if (has(p, ABI_MECH_VERSION))
		image__put_u32(p->m, addr + p->l.code_version_off, c->version);
	if (p->l.ts_stack_off) {
		image__put_u32(p->m, addr + p->l.code_nlocals_off, 1);
		image__put_u32(p->m, addr + p->l.code_stacksize_off, c->version % 4);
	}
	return addr;
}

u64 world__function(struct world *p, u32 i)
{
	__cleanup_free char *name = xasprintf("function_%u", i);
	unsigned char lines[] = {0x80 | 14 << 3, 0x02, (unsigned char)i, (unsigned char)(i >> 8)};
	struct world_code c = {.name = name,
			       .file = "/app/module.py",
			       .first_line = 10 * i,
			       .version = 1000 + i,
			       .lines = world__bytes(p, lines, sizeof(lines))};

	return world__code(p, &c);
}

/* ---- the thread ----------------------------------------------------------------------- */

u64 world__tstate(struct world *p, u64 thread_id)
{
	u64 addr = world__alloc(p, TSTATE_BYTES + CFRAME_BYTES);

	image__put_u64(p->m, addr + p->l.ts_thread_id_off, thread_id);
	if (has(p, ABI_MECH_GIL_SWITCH))
		image__put_u64(p->m, addr + p->l.ts_interp_off, p->interp);
	return addr;
}

/*
 * glibc (nptl/pthread_setspecific.c): the first block is part of struct pthread, others are made when needed. musl: there
 * is but one, and it is no part.
 */
static u64 slot_of(struct world *p, u32 key)
{
	u64 entry = p->thread + p->l.tss_table_off + 8 * (key / p->l.tss_per_block);
	u64 block = p->thread + p->l.tss_first_off;

	if (key >= p->l.tss_inline) {
		block = image__u64(p->m, entry);
		if (!block)
			block = world__alloc(p, (size_t)p->l.tss_per_block * p->l.tss_entry_size);
		image__put_u64(p->m, entry, block);
	}
	return block + (key % p->l.tss_per_block) * p->l.tss_entry_size + p->l.tss_value_off;
}

void world__set_slot(struct world *p, u32 key, u64 tstate)
{
	bool is_key = p->l.tls <= ABI_TLS_PLAIN_KEY;

	image__put_u64(p->m, is_key ? slot_of(p, key) : world__thread_pointer(p) + (u64)(s64)p->l.tls_off, tstate);
}

void world__set_key(struct world *p, bool initialised, u32 key)
{
	if (p->l.tls == ABI_TLS_PLAIN_KEY)
		image__put_u32(p->m, p->runtime + (u64)p->l.rt_tss_off, initialised ? key : ~0u);
	if (p->l.tls != ABI_TLS_KEY)
		return;
	image__put_u32(p->m, p->runtime + p->l.rt_tss_off, initialised);
	image__put_u32(p->m, p->runtime + p->l.rt_tss_off + 4, key);
}

void world__hold_gil(struct world *p, bool held)
{
	if (has(p, ABI_MECH_GIL_CURRENT))
		image__put_u64(p->m, p->runtime + p->l.rt_tstate_current_off,
			       held ? p->tstate : world__tstate(p, p->thread + 1));
	if (has(p, ABI_MECH_GIL_STATUS))
		image__put_u32(p->m, p->tstate + p->l.ts_gil_off, held ? p->l.gil_mask : ~p->l.gil_mask);
}

void world__switch_gil(struct world *p, bool on)
{
	image__put_u32(p->m, p->gil, on ? 0x7fffffff : 0);
}

/* ---- frames --------------------------------------------------------------------------- */

void world__set_leaf(struct world *p, u64 frame)
{
	u64 cframe = frame ? p->cframe : p->tstate + TSTATE_BYTES;

	p->leaf = frame;
	if (has(p, ABI_MECH_CFRAME))
		image__put_u64(p->m, cframe + p->l.cframe_frame_off, frame);
	image__put_u64(p->m, p->tstate + p->l.ts_frame_off, has(p, ABI_MECH_CFRAME) ? cframe : frame);
}

void world__set_prev(struct world *p, u64 frame, u64 prev)
{
	image__put_u64(p->m, frame + p->l.frame_prev_off, prev);
}

/*
 * Include/internal/pycore_frame.h _PyThreadState_HasStackSpace(): at least one word of a chunk
 * stays free.
 */
static u64 on_data_stack(struct world *p, size_t size)
{
	u64 addr;

	if (p->chunk_end - p->chunk_next <= size) {
		p->next = (p->next + 4095) & ~4095ull;
		addr = world__alloc(p, CHUNK_BYTES);
		p->chunk_next = addr + CHUNK_HEADER;
		p->chunk_end = addr + CHUNK_BYTES;
	}
	addr = p->chunk_next;
	p->chunk_next += size;
	image__put_u64(p->m, p->tstate + p->l.ts_stack_off, p->chunk_end - CHUNK_BYTES);
	image__put_u64(p->m, p->tstate + p->l.ts_stack_off + 8, p->chunk_next);
	image__put_u64(p->m, p->tstate + p->l.ts_stack_off + 16, p->chunk_end);
	return addr;
}

/* Frames are objects up to 3.10; then they are on the thread's data stack, or inside a generator.
 */
static u64 new_frame(struct world *p, u64 code, bool generator)
{
	u64 addr;

	if (!has(p, ABI_MECH_IP_POINTER))
		addr = world__alloc(p, p->row->frame_basicsize);
	else if (generator) /* and at the end of a heap's block of objects there is something */
		addr = world__alloc(p, GENERATOR_HEAD + 8 * (FRAME_WORDS + 1)) + GENERATOR_HEAD;
	else
		addr = on_data_stack(p, 8 * (p->l.frame_locals_off / 8 + 1u +
					     *(u32 *)image__at(p->m, code + p->l.code_stacksize_off, 4)));
	world__set_prev(p, addr, p->leaf);
	return addr;
}

/* On the C stack. */
static u64 new_shim(struct world *p)
{
	u64 addr = world__alloc(p, 8 * (FRAME_WORDS + 1));

	world__set_prev(p, addr, p->leaf);
	return addr;
}

void world__enter(struct world *p)
{
	u64 shim;

	p->entered = true;
	if (!has(p, ABI_MECH_OWNER))
		return;
	shim = new_shim(p);
	image__put_u8(p->m, shim + p->l.frame_owner_off, p->l.owner_shim);
	world__set_leaf(p, shim);
}

/* Include/cpython/code.h: struct _PyCodeArray {size, entries[]} */
u64 world__copy_of(struct world *p, u64 code, u32 index)
{
	u64 array = image__u64(p->m, code + p->l.code_copies_off), entry;

	if (!array) {
		array = world__alloc(p, 8 * (1 + COPIES));
		image__put_u64(p->m, array, COPIES);
		image__put_u64(p->m, array + 8, code + p->l.code_start_off);
		image__put_u64(p->m, code + p->l.code_copies_off, array);
	}
	entry = array + 8 + 8 * index;
	if (!image__u64(p->m, entry))
		image__put_u64(p->m, entry, world__alloc(p, CODE_BYTES));
	return image__u64(p->m, entry);
}

void world__set_lasti(struct world *p, u64 frame, u64 code, s32 lasti)
{
	u64 start = code + p->l.code_start_off;

	if (has(p, ABI_MECH_COPIES)) {
		start = world__copy_of(p, code, p->copy);
		image__put_u32(p->m, frame + p->l.frame_copy_off, p->copy);
	}
	if (has(p, ABI_MECH_IP_POINTER))
		image__put_u64(p->m, frame + p->l.frame_ip_off, start + (u64)(s64)lasti);
	else
		image__put_u32(p->m, frame + p->l.frame_ip_off,
			       (u32)(has(p, ABI_MECH_IP_UNITS) && lasti >= 0 ? lasti / 2 : lasti));
}

u64 world__push(struct world *p, u64 code, s32 lasti, enum world_owner owner)
{
	u64 frame = new_frame(p, code, owner == WORLD_GENERATOR);

	image__put_u64(p->m, frame + p->l.frame_code_off,
		       code | (p->row->minor >= 14)); /* _PyStackRef: a borrowed one */
	image__put_u64(p->m, frame + p->l.frame_globals_off, p->globals);
	world__set_lasti(p, frame, code, lasti);
	if (p->l.frame_object_off)
		image__put_u64(p->m, frame + p->l.frame_func_off, code);
	if (p->l.frame_state_off)
		image__put_u8(p->m, frame + p->l.frame_state_off, p->l.frame_running);
	if (has(p, ABI_MECH_OWNER) || p->l.torn_owners)
		image__put_u8(p->m, frame + p->l.frame_owner_off, (u8)owner);
	if (has(p, ABI_MECH_IS_ENTRY))
		image__put_u8(p->m, frame + p->l.frame_is_entry_off, p->entered);
	p->entered = false;
	world__set_leaf(p, frame);
	return frame;
}

u64 world__push_compiled(struct world *p, u64 code, s32 line)
{
	u64 frame = world__push(p, code, -1, WORLD_GENERATOR), object = world__alloc(p, 64);

	if (!p->l.frame_object_off) {
		image__put_u32(p->m, frame + p->l.frame_line_off, (u32)line);
		return frame;
	}
	image__put_u64(p->m, frame + p->l.frame_object_off, object);
	image__put_u64(p->m, frame + p->l.frame_func_off, p->row->minor >= 14); /* PyStackRef_NULL */
	image__put_u32(p->m, object + p->l.frame_line_off, (u32)line);
	return frame;
}

void world__recurse(struct world *p, const u64 codes[2], u32 depth)
{
	for (u32 i = 0; i < depth; i++)
		world__push(p, codes[i % 2], (s32)(2 * (i % 8)), WORLD_THREAD);
}

/* ---- life ----------------------------------------------------------------------------- */

/* What is read from the code of functions in a real one (user/python/build.c). */
static void find_in_code(struct abi_py_layout *l)
{
	if (l->tls == ABI_TLS_PLAIN_KEY) {
		l->rt_tss_off = 64;
	} else if (!l->rt_tss_off) {
		l->tls = ABI_TLS_OFFSET;
		l->tls_off = l->thread_below ? TCB_BYTES : -TLS_BYTES;
	}
}

static void build(struct world *p)
{
	u32 last = p->l.rt_tstate_current_off;

	if ((u32)p->l.rt_tss_off > last)
		last = (u32)p->l.rt_tss_off;
	p->runtime = world__alloc(p, last + 8);
	p->thread = world__alloc(p, TLS_BYTES + STRUCT_PTHREAD) + TLS_BYTES;
	if (has(p, ABI_MECH_GIL_SWITCH)) {
		p->gil = world__alloc(p, 4);
		world__switch_gil(p, true);
		p->interp = world__alloc(p, p->l.interp_gil_off + 8u);
		image__put_u64(p->m, p->interp + p->l.interp_gil_off, p->gil);
	}
	p->tstate = world__tstate(p, p->thread);
	if (has(p, ABI_MECH_CFRAME)) {
		p->cframe = world__alloc(p, 2 * CFRAME_BYTES) + CFRAME_BYTES;
		image__put_u64(p->m, p->tstate + p->l.ts_frame_off, p->tstate + TSTATE_BYTES);
	}
	world__set_key(p, true, p->key);
	world__set_slot(p, p->key, p->tstate);
	world__hold_gil(p, true);
	p->globals = world__module(p, world__str(p, "app"), world__str(p, ""));
}

struct world *world__new(const struct py_version *row, u32 key)
{
	return world__new_on(row, &(world_arch ? world_arch : arch_own)->glibc, key);
}

struct world *world__new_on(const struct py_version *row, const struct arch_threads *libc, u32 key)
{
	struct world *p = xcalloc(1, sizeof(*p));
	struct py_build build_of_row;

	p->m = image__new();
	p->row = row;
	py_version_apply(row, &build_of_row);
	py_build_threads(libc, &build_of_row);
	p->l = build_of_row.layout;
	find_in_code(&p->l);
	p->key = key;
	p->next = 0x7f2000000000;
	p->code_type = 0x7f1000001000;
	p->bytes_type = 0x7f1000002000;
	p->str_type = 0x7f1000003000;
	p->w = xcalloc(1, sizeof(*p->w));
	p->w->max_frames = ABI_MAX_FRAMES;
	p->w->image_id = 7;
	build(p);
	host = (struct host_kernel){.memory = p->m, .now_ns = 1000};
	return p;
}

void world__free(struct world *p)
{
	host_forget_seen();
	host.memory = NULL;
	image__free(p->m);
	free(p->w);
	free(p);
}

/* ---- a tick --------------------------------------------------------------------------- */

u32 world__tick(struct world *p)
{
	struct walk *w = p->w;
	u32 outcome;

	w->layout = p->l;
	w->code_type_addr = p->code_type;
	w->limit_ns = 1000000;
	w->frame_cnt = w->todo_cnt = 0;
	w->sample.gil = ABI_GIL_UNKNOWN;
	host.reads = 0;
	outcome = tstate_find(w, p->runtime, p->thread, &p->tss_key);
	return outcome == ABI_OK ? pywalk(w) : outcome;
}

static void must(bool what)
{
	if (!what)
		abort();
}

void world__check(const struct world *p, u32 outcome)
{
	static const u32 possible = 1u << ABI_OK | 1u << ABI_CUT_DEPTH | 1u << ABI_CUT_TIME | 1u << ABI_CUT_FAULT |
				    1u << ABI_STARTING | 1u << ABI_NO_TSTATE | 1u << ABI_NO_FRAME |
				    1u << ABI_FAULT_RUNTIME | 1u << ABI_FAULT_TSTATE | 1u << ABI_FAULT_FRAME |
				    1u << ABI_TORN | 1u << ABI_BAD_TSTATE;
	const struct walk *w = p->w;

	must(outcome < ABI_OUTCOME_CNT && possible >> outcome & 1);
	must(w->frame_cnt <= w->max_frames && w->todo_cnt <= CODE_TODO_MAX);
	must((outcome <= ABI_CUT_FAULT) == (w->frame_cnt > 0)); /* written ones alone have frames */
	must(w->frame_cnt || !w->todo_cnt);
	must(w->sample.gil <= (has(p, ABI_MECH_GIL_SWITCH) ? ABI_GIL_NONE : ABI_GIL_NOT_HELD));
	/* a frame costs one read, its code object three */
	must(host.reads <= 16 + 8 * ABI_MAX_FRAMES);
	for (u32 i = 0; i < w->frame_cnt; i++)
		must(w->frames[i].lasti >= -1 || abi_line(w->frames[i].lasti) > 0);
}
