/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The module that a code object is of, by what the interpreter itself calls it: the first entry of a module's dict is
 * its `__name__`, the third its `__package__` (Objects/moduleobject.c: module_init_dict()). Code that runs in another
 * dict (exec(), templates) has no module. user/python/code_object.c reads the same.
 */
#pragma once
#include "bpf/text.bpf.h"

/* Compact ASCII strings by their length and first 8 bytes, as x86 and arm64 have them. */
#define TEXT_NAME         0x5f5f656d616e5f5full /* "__name__" */
#define TEXT_MAIN         0x5f5f6e69616d5f5full /* "__main__" */
#define TEXT_MP_MAIN      0x69616d5f706d5f5full /* "__mp_main__": Lib/multiprocessing/spawn.py */
#define TEXT_MP_MAIN_LEN  11
#define TEXT_PACKAGE      0x67616b6361705f5full /* "__package__" */
#define TEXT_PACKAGE_LEN  11
#define MODULE_PACKAGE_AT 2 /* entries before `__package__` */

/* Include/cpython/unicodeobject.h: PyASCIIObject from ob_type to state; `start` of an ASCII text. */
struct str_head {
	u64 type, length, hash, state;
	u64 start;
};

static __always_inline long read_str_head(const struct abi_py_layout *l, u64 str_addr, struct str_head *h,
					  bool sleepable)
{
	h->start = 0;
	if (read_code(h, offsetof(struct str_head, start), str_addr + l->type_off, sleepable))
		return -1;
	if (!((u32)h->state >> (l->str_ascii_bit & 31) & (u32)h->state >> (l->str_compact_bit & 31) & 1) ||
	    h->length < 8)
		return 0;
	return read_code(&h->start, 8, str_addr + l->str_ascii_off, sleepable);
}

static __always_inline bool is_text(const struct str_head *h, u64 length, u64 start)
{
	return h->length == length && h->start == start;
}

/*
 * Objects/dict-common.h, Include/internal/pycore_dict.h: struct _dictkeysobject. From the word that
 * has its size: the offset of its entries, and how many words an entry has, the last two of which are key and value. 0:
 * there are no such keys.
 */
static __always_inline u32 entry_words(const struct abi_py_layout *l, u64 size, u64 *entries_off)
{
	u32 log2_bytes = size >> 8 & 0xff, kind = size >> 16 & 0xff;

	if (l->mech & ABI_MECH_KEYS_LOG2) {
		*entries_off = l->keys_indices_off + (1ull << (log2_bytes & 63));
		return log2_bytes > 32 || kind > 2 ? 0
		       : kind                      ? 2
						   : 3; /* keys that are str's have no hash beside them */
	}
	*entries_off = l->keys_indices_off + size * (size <= 0xff ? 1 : size <= 0xffff ? 2 : 4);
	return size > 1u << 30 ? 0 : 3;
}

/* The first entries of a dict; how many words each has. 0: there are none to be read. */
static __always_inline u32 read_entries(const struct abi_py_layout *l, u64 dict_addr, u64 *entries, bool sleepable)
{
	u64 table[2] = {}, size = 0, off = 0; /* ma_keys, ma_values */
	u32 words;

	if (!dict_addr || read_code(table, sizeof(table), dict_addr + l->dict_keys_off, sleepable) || table[1] ||
	    read_code(&size, sizeof(size), table[0] + l->keys_size_off, sleepable))
		return 0;
	words = entry_words(l, size, &off);
	/* the smallest dict has room for five */
	if (!words || read_code(entries, MODULE_WORDS * sizeof(*entries), table[0] + off, sleepable))
		return 0;
	return words;
}

/* The string that names the module; `flags` of its text. 0: there is none. */
static __always_inline u64 find_module(const struct abi_py_layout *l, u64 globals_addr, u64 *entries, u8 *flags,
				       bool sleepable)
{
	u32 words = read_entries(l, globals_addr, entries, sleepable);
	struct str_head key, value;
	u64 name, package, package_key;

	*flags = 0;
	if (!words || read_str_head(l, words == 2 ? entries[0] : entries[1], &key, sleepable) ||
	    !is_text(&key, 8, TEXT_NAME))
		return 0;
	name = words == 2 ? entries[1] : entries[2];
	/* what is of the key's type is a str */
	if (read_str_head(l, name, &value, sleepable) || value.type != key.type)
		return 0;
	if (!is_text(&value, 8, TEXT_MAIN) && !is_text(&value, TEXT_MP_MAIN_LEN, TEXT_MP_MAIN))
		return name;
	package_key = words == 2 ? entries[2 * MODULE_PACKAGE_AT] : entries[3 * MODULE_PACKAGE_AT + 1];
	package = words == 2 ? entries[2 * MODULE_PACKAGE_AT + 1] : entries[3 * MODULE_PACKAGE_AT + 2];
	if (read_str_head(l, package_key, &value, sleepable) || !is_text(&value, TEXT_PACKAGE_LEN, TEXT_PACKAGE) ||
	    read_str_head(l, package, &value, sleepable) || value.type != key.type || !value.length)
		return name; /* the main program is of no package: None, or "" in an archive */
	*flags = ABI_TEXT_PACKAGE;
	return package;
}

static __always_inline void read_module(const struct abi_py_layout *l, u64 globals_addr, u64 *entries,
					struct abi_text *text, char *dst, bool sleepable)
{
	u8 flags = 0;
	u64 str = find_module(l, globals_addr, entries, &flags, sleepable);

	text->bytes = 0;
	text->kind = 1;
	text->flags = ABI_TEXT_UNREADABLE;
	text->pad = 0;
	if (!str)
		return;
	read_text(l, str, text, dst, sleepable);
	if (!(text->flags & ABI_TEXT_UNREADABLE))
		text->flags |= flags;
}
