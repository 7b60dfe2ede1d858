/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Code objects: their identity in every frame, and the record that names them at first sight. */
#pragma once
#include "bpf/maps.bpf.h"

#define CODE_SEED 0x9e3779b97f4a7c15ull

/* Multiply and fold: quick, and every bit of `word` reaches every bit of the next step. */
static __always_inline u64 code_mix(u64 h, u64 word)
{
	h = (h ^ word) * CODE_SEED;
	return h ^ (h >> 29);
}

static __always_inline u64 code_u64(const struct walk *w, u32 off)
{
	return masked_u64((const u8 *)w->code_block, off);
}

static __always_inline u32 code_u32(const struct walk *w, u32 off)
{
	return masked_u32((const u8 *)w->code_block, off);
}

/* Of a part that is missing the fingerprint would be another. */
static __always_inline long read_warm(struct walk *w, void *dst, u32 size, u64 addr)
{
	long err = walk_read(w, dst, size, addr);

	w->cold |= err != 0;
	return err;
}

/*
 * The first `size` bytes of an object that may be shorter, and lie at the end of what is mapped: then those of its
 * page, and zeros. How many there are; 0: none.
 */
static __always_inline u32 read_start(const struct walk *w, u64 *dst, u32 size, u64 addr)
{
	u32 n = WALK_PAGE - addr % WALK_PAGE;

	if (!walk_read(w, dst, size, addr))
		return size;
	opaque(n);
	for (u32 i = 0; i < size / 8; i++)
		dst[i] = 0;
	return n >= size || walk_read(w, dst, n, addr) ? 0 : n;
}

/*
 * Zeros the bytes behind the first `left` ones, which are not the object's. It always writes `cnt` words, for which there
 * is room behind the block: a branch for each word would be a path for the verifier, and those multiply.
 */
static __always_inline void cut_words(u64 *words, u32 cnt, u64 left)
{
	u32 n = left < 8 * cnt ? (u32)left : 8 * cnt;
	u64 *end;

	opaque(n);
	end = (u64 *)((u8 *)words + (n > 8 * cnt ? 0 : n));
	for (u32 i = 0; i < cnt; i++)
		end[i] = 0;
}

/* `want` bytes are needed of an object of which there are `have`. */
static __always_inline void note_missing(struct walk *w, u64 want, u32 most, u32 have)
{
	w->cold |= (want < most ? want : most) > have;
}

static __always_inline u32 lines_step(u32 i, struct walk *w)
{
	u32 at = i * LINES_STEP;
	const u64 *words;
	u64 h = w->lines_hash;

	opaque(at);
	if (at > ABI_LINES_HASHED)
		return 1;
	words = (const u64 *)((const u8 *)w->lines_rest + at);
	for (u32 k = 0; k < LINES_STEP / 8; k++)
		h = code_mix(h, words[k]);
	w->lines_hash = h;
	return 0;
}

LOOP(lines_loop, struct walk, ABI_LINES_HASHED / LINES_STEP, lines_step)

/* The rest of the table, behind the prefix; of very long tables only the end. */
static __always_inline u64 lines_mix_rest(struct walk *w, u64 h, u64 data, u64 left)
{
	u32 n = left > ABI_LINES_HASHED ? ABI_LINES_HASHED : (u32)left;
	u64 *end;

	opaque(n);
	if (n > ABI_LINES_HASHED || read_warm(w, w->lines_rest, n, data + left - n))
		return h;
	end = (u64 *)((u8 *)w->lines_rest + n);
	for (u32 i = 0; i < LINES_STEP / 8; i++)
		end[i] = 0; /* what lies behind the table is not the table */
	w->lines_hash = h;
	lines_loop(w, (n + LINES_STEP - 1) / LINES_STEP);
	return w->lines_hash;
}

/*
 * Content of the line table, for builds whose code objects carry no unique number: new code of the same
 * shape takes the very addresses of the old, all of them, and only its content tells.
 */
static __always_inline u64 lines_mix(struct walk *w, u64 h, u64 lines_addr)
{
	u64 size;
	/* PyBytesObject: ob_size at bytes_size_off, a cached hash that may change, data right behind. */
	u32 have = read_start(w, w->lines_block, LINES_START, lines_addr + w->layout.bytes_size_off);

	size = w->lines_block[0];
	note_missing(w, size + 16, LINES_START, have);
	if (!have)
		return h;
	h = code_mix(h, size);
	cut_words(w->lines_block + 2, ABI_LINES_PREFIX / 8, size);
	for (u32 i = 2; i < 2 + ABI_LINES_PREFIX / 8; i++)
		h = code_mix(h, w->lines_block[i]);
	if (size <= ABI_LINES_PREFIX)
		return h;
	return lines_mix_rest(w, h, lines_addr + w->layout.bytes_data_off + ABI_LINES_PREFIX, size - ABI_LINES_PREFIX);
}

/*
 * The text block has the head of a string. Makes sure that its characters follow there, as those of a compact ASCII
 * string do, of which `have` bytes were read already; gives the size of all of them. See find_text() in bpf/text.bpf.h.
 */
static __always_inline u64 text_bytes(struct walk *w, u64 str_addr, u32 have)
{
	const struct abi_py_layout *l = &w->layout;
	u64 *head = w->text_block, data = str_addr + l->str_compact_off, length = head[0];
	u32 state = (u32)head[2], kind = state >> (l->str_kind_shift & 31) & 7;

	if (state >> (l->str_ascii_bit & 31) & state >> (l->str_compact_bit & 31) & 1) {
		note_missing(w, length, TEXT_BYTES, have);
		return length;
	}
	if (!kind) { /* wchar_t's */
		data = head[3];
		read_warm(w, &length, 8, str_addr + l->str_wstr_length_off);
		kind = 4;
	} else if (!(state >> (l->str_compact_bit & 31) & 1)) {
		read_warm(w, &data, 8, data);
	}
	note_missing(w, length * kind, TEXT_BYTES, read_start(w, head + TEXT_HEAD_WORDS, TEXT_BYTES, data));
	return length * kind;
}

/*
 * Content of the names, for the same builds: a string dies with its code object and the next one may stand
 * in its place. PyASCIIObject (Include/cpython/unicodeobject.h): length, hash, state, wstr, then ASCII text.
 * Names are interned, so their hash is there; a file name's may come later, so its text is taken.
 */
static __always_inline u64 names_mix(struct walk *w, u64 h)
{
	u64 name = code_u64(w, w->code_name) + w->layout.str_length_off;
	u64 file = code_u64(w, w->code_file), left;
	u32 have;

	if (!read_warm(w, w->text_block, 16, name))
		h = code_mix(code_mix(h, w->text_block[0]), w->text_block[1]);
	have = read_start(w, w->text_block, 8 * TEXT_WORDS, file + w->layout.str_length_off);
	note_missing(w, 8 * TEXT_HEAD_WORDS, 8 * TEXT_HEAD_WORDS, have);
	if (!have)
		return h;
	left = text_bytes(w, file, have - 8 * TEXT_HEAD_WORDS);
	h = code_mix(h, left);
	cut_words(w->text_block + TEXT_HEAD_WORDS, TEXT_BYTES / 8, left);
	for (u32 i = TEXT_HEAD_WORDS; i < TEXT_WORDS; i++)
		h = code_mix(h, w->text_block[i]);
	return h;
}

/*
 * Of a code object that has a number which is never used twice (Include/cpython/code.h: co_version); 0 when it has none
 * any more (they ended at 2**32), or is not readable. The first line is beside it, for what has other counters:
 * sub-interpreters.
 */
static __always_inline u64 numbered_key(struct walk *w, u64 addr)
{
	u64 h = code_mix(CODE_SEED ^ w->image_id, addr);
	u32 number;

	if (walk_read(w, w->code_block, ABI_CODE_NUMBERED, addr + w->layout.code_base))
		return 0;
	number = code_u32(w, w->code_version);
	h = code_mix(h, (u64)number << 32 | code_u32(w, w->code_line));
	return number ? h | 1 : 0;
}

/*
 * Identity: process image, address, and a fingerprint, because addresses are used again once a code
 * object dies. 0 when the code object is not readable.
 */
static __always_inline u64 code_fingerprint(struct walk *w, u64 addr)
{
	u32 others = w->cold;
	const struct abi_py_layout *l = &w->layout;
	u64 h = l->mech & ABI_MECH_VERSION ? numbered_key(w, addr) : 0, lines;

	if (h)
		return h;
	h = code_mix(CODE_SEED ^ w->image_id, addr);
	w->cold = 0;
	if (walk_read(w, w->code_block, ABI_CODE_BLOCK, addr + l->code_base)) {
		w->cold = others;
		return 0;
	}
	lines = code_u64(w, w->code_lines);
	h = code_mix(h, code_u64(w, w->code_file));
	h = code_mix(h, code_u64(w, w->code_name));
	h = code_mix(h, lines);
	h = code_mix(h, code_u32(w, w->code_line));
	h = names_mix(w, lines_mix(w, h, lines));
	if (w->cold)
		return 0;
	w->cold = others;
	return h ? h : 1;
}

#ifndef PYBPF_NO_MAPS
static __always_inline bool key_is_new(u64 key)
{
	u32 bucket = key % ABI_SEEN_BUCKETS;
	struct abi_seen *b = bpf_map_lookup_elem(&seen, &bucket);

	return b && b->way[0] != key && b->way[1] != key && b->way[2] != key && b->way[3] != key;
}

static __always_inline bool code_is_new(const struct walk *w, u64 key)
{
	return key_is_new(key);
}
#endif

/* Sends the records of one code object from the current task; called by the tick. */
int code_send_now(struct scratch *s);
/* Arranges for w->todo to be named by the task itself before it returns to user mode. 0 when it will be. */
int code_schedule(struct walk *w, u64 mm);

/*
 * A program that refers to PyCode_Type of a shared libpython has a copy of its own, which the library uses
 * too (R_X86_64_COPY). A copy has the very name. Include/cpython/object.h: PyTypeObject.tp_name comes after
 * ob_type and ob_size.
 */
static __always_inline bool is_code_type(struct walk *w, u64 type)
{
	u32 name_off = w->layout.type_off + 16u;
	u64 name = 0, found = 0;

	return type == w->code_type_addr || (!walk_read(w, &name, 8, w->code_type_addr + name_off) &&
					     !walk_read(w, &found, 8, type + name_off) && name && name == found);
}

/*
 * At the instant of a frame switch what looks like the current frame may be left-over memory. Asked only
 * at first sight: whatever has been named once was a code object.
 */
static __always_inline bool is_code_object(struct walk *w, u64 addr)
{
	u64 type = 0;

	return !w->code_type_addr || walk_read(w, &type, 8, addr + w->layout.type_off) || is_code_type(w, type);
}

/* Functions that call each other and share a memo would fill the list by themselves. */
static __always_inline bool is_just_listed(const struct walk *w, u64 key)
{
	/* Each with a bound of its own: older verifiers do not carry one's over to the other. */
	u32 last = w->todo_cnt - 1, other = w->todo_cnt - 2;

	opaque(last);
	opaque(other);
	return (last < CODE_TODO_MAX && w->todo[last].key == key) ||
	       (other < CODE_TODO_MAX && w->todo[other].key == key);
}

/* The first page is never mapped, and Objects/obmalloc.c aligns to more than this. */
static __always_inline bool is_object_address(u64 addr)
{
	return addr >= 4096 && !(arch_untagged(addr) >> ARCH_USER_BITS) && !(addr & 7);
}

/* Reads and checks the code object; lists it when it is new. 0 when there is none to be read. */
static __always_inline u64 code_key_read(struct walk *w, u64 addr)
{
	u64 key = code_fingerprint(w, addr);
	u32 n = w->todo_cnt;

	if (!key) {
		/* A code object that runs is in memory, or swapped out; an address that no object can have is garbage. */
		bool possible = is_object_address(addr) && is_code_object(w, addr);

		w->cold |= possible;
		w->garbage |= !w->frame_cnt || !possible;
		return 0;
	}
	if (!code_is_new(w, key))
		return key;
	if (!is_code_object(w, addr)) {
		w->garbage = 1;
		return 0;
	}
	if (is_just_listed(w, key))
		return key;
	opaque(n);
	if (n < CODE_TODO_MAX) {
		w->todo[n].addr = addr;
		w->todo[n].key = key;
		w->todo_cnt = n + 1;
	}
	return key;
}
