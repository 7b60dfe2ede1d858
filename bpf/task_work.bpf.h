/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Work that a tick leaves to the sampled task: it runs there before the task returns to user mode, where page faults are
 * allowed and nothing of the interpreter has moved since (Linux 6.18+).
 */
#pragma once
#include "bpf/maps.bpf.h"

/* Has the current task call code_read() or cold_walk() with the slot. 0, or negative where that cannot be. */
int task_work_code(struct code_slot *slot);
int task_work_cold(struct cold_slot *slot);
/* The same for the thread that comes in next: wait_walk(). */
int task_work_wait(struct wait_slot *slot, struct task_struct *task);
/* The callbacks; they give the slot back. */
void code_read(struct code_slot *slot);
void cold_walk(struct cold_slot *slot);
void wait_walk(struct wait_slot *slot);

/* A free slot of `map` near a random start, for the thread `owner`; `at`: its number. One or two tries nearly always do. */
#define claim_slot_for(map, slots, owner, at)                                                                          \
	({                                                                                                             \
		u32 start_ = bpf_get_prandom_u32();                                                                    \
		typeof((map).value) found_ = NULL;                                                                     \
		for (u32 i_ = 0; i_ < 8; i_++) {                                                                       \
			u32 at_ = (start_ + i_) % (slots);                                                             \
			typeof((map).value) slot_ = bpf_map_lookup_elem(&(map), &at_);                                 \
			if (slot_ && !__sync_val_compare_and_swap(&slot_->busy, 0, owner)) {                           \
				found_ = slot_;                                                                        \
				(at) = at_;                                                                            \
				break;                                                                                 \
			}                                                                                              \
		}                                                                                                      \
		found_;                                                                                                \
	})
#define claim_slot(map, slots)                                                                                         \
	({                                                                                                             \
		u32 number_ __attribute__((unused));                                                                   \
		claim_slot_for(map, slots, (u32)bpf_get_current_pid_tgid(), number_);                                  \
	})
#define SLOT_CLOSING    ~0u /* `busy` of one whose work is done but for its last records */
#define give_back(slot) __sync_lock_test_and_set(&(slot)->busy, 0)
