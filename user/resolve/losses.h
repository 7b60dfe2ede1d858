/* SPDX-License-Identifier: MIT */
/* Ticks without a stack, added up by process and outcome and sent on now and then with their spans of time. */
#pragma once
#include "bpf/abi.h"
#include "user/profile/sink.h"
#include "user/util/pair_map.h"
#include <stddef.h>

/* All zeros is empty. */
struct losses {
	struct pair_map index; /* (process, type and outcome) → index + 1 */
	struct profile_loss *items;
	size_t cnt, cap;
	uint64_t sent_ns; /* CLOCK_MONOTONIC */
};

/* `process`: the profile's id, 0 when it is not known. `time_unix_ns` and what the tick stands for. */
struct loss_event {
	uint32_t process;
	unsigned outcome;
	uint8_t type;
	uint64_t time_unix_ns, count, value;
};
void losses__add(struct losses *l, const struct loss_event *e);
/* Sends them when a second has passed since the last time, or when `force`. */
void losses__flush(struct losses *l, struct profile_sink sink, uint64_t now_ns, bool force);
void losses__free(struct losses *l);
