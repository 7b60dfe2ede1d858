/* SPDX-License-Identifier: MIT */
/* The kernel side sends a code object once, and notes its key: keys are taken out here of those that it is to send again. */
#pragma once
#include <stdint.h>

struct bpf_map;
struct seen;

struct seen *seen__new(struct bpf_map *map);
void seen__free(struct seen *s);
/* The code object with this key is sent again when it is met again; a record of it may be on its way already. */
void seen__forget(struct seen *s, uint64_t key);
