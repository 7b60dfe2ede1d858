/* SPDX-License-Identifier: MIT */
/*
 * The walker's view of the kernel, under a test's control: one memory, one clock, the code
 * objects that were seen before. BPF has one of each too, so these are globals.
 */
#pragma once
#include "bpf/maps.bpf.h"
#include "tests/host/image.h"

extern struct host_kernel {
	struct image *memory;
	u64 now_ns, look_ns;                  /* each look at the clock moves it on by look_ns */
	u64 registers[ARCH_UNWIND_REGISTERS]; /* the first ones are those that a walk may begin at */
	u64 reads;                            /* since the test set it to 0 */
	u64 *seen;
	size_t seen_cnt, seen_cap;
} host;

/* As after a record of that code object was sent. */
void host_mark_seen(u64 key);
void host_forget_seen(void);
