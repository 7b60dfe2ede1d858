/* SPDX-License-Identifier: MIT */
/* (u32, u32) → u32: an open-addressing table for the hot paths that count things by two ids. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct pair_slot {
	uint64_t key;
	uint32_t value; /* 0: free */
};

/* All zeros is an empty map. */
struct pair_map {
	struct pair_slot *slots;
	size_t count, cap;
	uint64_t seed;
};

/*
 * The value stored for (a, b). A new key has the value 0; the caller sets it to anything else
 * before its next call. The pointer is valid until that call.
 */
uint32_t *pair_map__slot(struct pair_map *m, uint32_t a, uint32_t b);
/* The same without adding the key: 0 when there is none. */
uint32_t pair_map__get(const struct pair_map *m, uint32_t a, uint32_t b);
/* Has the memory fetched that a look-up of (a, b) will need soon. */
void pair_map__prefetch(const struct pair_map *m, uint32_t a, uint32_t b);
void pair_map__free(struct pair_map *m);
