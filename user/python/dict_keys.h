/* SPDX-License-Identifier: MIT */
/* The keys object of a dict, as entry_words() in bpf/module.bpf.h has it. */
#pragma once
#include "bpf/abi.h"
#include <stdint.h>

#define DICT_KEYS_SIZE_MAX (1u << 30)

/*
 * Where its entries begin, from its start, by the word at keys_size_off. Gives the words of an entry, of which the last
 * two are key and value; 0: no such keys.
 */
static inline unsigned dict_keys_entries(const struct abi_py_layout *l, uint64_t size, uint64_t *entries_off)
{
	unsigned log2_bytes = size >> 8 & 0xff, kind = size >> 16 & 0xff;

	if (l->mech & ABI_MECH_KEYS_LOG2) {
		*entries_off = l->keys_indices_off + (1ull << (log2_bytes & 63));
		return log2_bytes > 32 || kind > 2 ? 0
		       : kind                      ? 2
						   : 3; /* keys that are str's have no hash beside them */
	}
	*entries_off = l->keys_indices_off + size * (size <= 0xff ? 1 : size <= 0xffff ? 2 : 4);
	return size > DICT_KEYS_SIZE_MAX ? 0 : 3;
}
