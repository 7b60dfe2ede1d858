/* SPDX-License-Identifier: MIT */
/* The kernel's maps and its ring buffer for the kernel side as ordinary C: same limits, flags and errors. */
#pragma once
#include "bpf/maps.bpf.h"

/* Empties all maps, and gives them the sizes of their definitions. */
void maps__reset(void);
/* As user space does before it loads the object; the map must be empty. */
void maps__resize(void *map, u32 max_entries);
u32 maps__count(void *map); /* elements of a hash */
/* Calls for each element of a hash; it may not change the map. */
void maps__each(void *map, void (*fn)(const void *key, const void *value));
/* Of a per-CPU array: all CPUs' together. */
u64 maps__sum(void *map, u32 key);

/* ---- the ring buffer ------------------------------------------------------------------------------------- */

#define RING_DEFAULT (1u << 20)

/* Bytes that it has room for from now on, those that wait included. */
void ring__limit(size_t bytes);
/* User space reads what waits. It stays in the list below, which has everything since maps__reset(). */
void ring__drain(void);
/* Record `i`, in the order of sending; NULL behind the last one. */
const struct abi_hdr *ring__record(size_t i);
