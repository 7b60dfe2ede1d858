/* SPDX-License-Identifier: MIT */
/* Tasks of asyncio's, from the chains that records tell of: a task is another one for each that awaits it. */
#pragma once
#include "bpf/abi.h"
#include "user/profile/sink.h"

struct tasks;

struct tasks *tasks__new(void);
void tasks__free(struct tasks *t);
/* Nothing is known in the segment that begins; chains are forgotten that were not told of for long. `now_ns`: CLOCK_MONOTONIC. */
void tasks__begin_segment(struct tasks *t, uint64_t now_ns);
void tasks__add(struct tasks *t, const struct abi_tasks *rec);
/* The id of what ran under this key, which is sent if it is new; `process`: of the profile. 0 for key 0. */
uint32_t tasks__id(struct tasks *t, struct profile_sink sink, uint64_t key, uint32_t process);
