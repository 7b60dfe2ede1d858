/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Strings of the sampled process → bytes and what they are. The host's tests compile this too. */
#pragma once
#include "bpf/fault.bpf.h"

/* `sleepable` is a constant at each inlined call, so only one helper is left. */
static __always_inline long read_code(void *dst, u32 size, u64 addr, bool sleepable)
{
	return sleepable ? read_faulting(dst, size, addr) : read_user(dst, size, addr);
}

struct text_location {
	u64 addr, length;
	u32 kind; /* bytes per code point */
};

/*
 * Include/cpython/unicodeobject.h: the characters of a compact string are right behind its head (PyASCIIObject,
 * PyCompactUnicodeObject), those of others, such as instances of subclasses, where PyUnicodeObject.data says. Up to
 * 3.11 a string may have been made of wchar_t's and be nothing else yet: kind 0.
 */
static __always_inline long find_text(const struct abi_py_layout *l, u64 str_addr, struct text_location *t,
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
static __always_inline void read_text(const struct abi_py_layout *l, u64 str_addr, struct abi_text *text, char *dst,
				      bool sleepable)
{
	struct text_location t = {};
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
