/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* task → PyThreadState → innermost frame. */
#pragma once
#include "bpf/maps.bpf.h"

/*
 * Finds the thread state of the thread whose pthread_self() this is and the head of its frame chain, into
 * w->tstate_addr and w->frame_addr, and whether it holds the GIL, into w->sample.gil. `tss_key` caches the
 * pthread key (+1). ABI_OK or the outcome that explains why there is nothing to walk.
 */
u32 tstate_find(struct walk *w, u64 runtime_addr, u64 thread, u32 *tss_key);

/* The same for a thread state that is known already, of any thread; asleep ones are in no CPU's registers. */
u32 tstate_take(struct walk *w, u64 runtime_addr, u64 tstate_addr);
