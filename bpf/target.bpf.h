/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Is this task ours, which process image is it, which layout has its interpreter. */
#pragma once
#include "bpf/maps.bpf.h"

/*
 * The entry of the task's process, made at first sight. ABI_OK; or, without an entry, why: ABI_NOT_TARGET
 * when it must not be sampled, ABI_EXITING, ABI_PROC_TABLE_FULL.
 */
u32 target_find(struct task_struct *task, u64 mm, u32 flags, struct abi_proc **out);
/* The current process's tgid when its tasks are to be sampled, else 0. */
u32 target_current(void);
/* Tries to find the interpreter of a process whose state is not settled; announces it to user space. */
void target_identify(struct abi_proc *p, struct task_struct *task, struct scratch *s);
/* The current process has begun to run another program: user space is shown it while it lives, if it has not seen it. */
void target_show_program(struct task_struct *task);
/* User space may know of it from now on. */
static __always_inline void target_met(struct abi_proc *p)
{
	if (!(p->flags & ABI_PROC_MET))
		set_bits(&p->flags, ABI_PROC_MET);
}

/* Members of a chosen tree that have no entry, for want of room. */
static __always_inline u64 *unlisted_word(u32 tgid)
{
	u32 at = tgid / 64;

	return bpf_map_lookup_elem(&unlisted, &at);
}

static __always_inline bool target_is_unlisted(u32 tgid)
{
	u64 *word = unlisted_word(tgid);

	return word && *word >> (tgid & 63) & 1;
}

static __always_inline void target_unlist(u32 tgid)
{
	u64 *word = unlisted_word(tgid);

	proc_marks[tgid % ABI_MARKS] = 1;
	if (word)
		give_bit(word, 1ull << (tgid & 63));
}

/* It has an entry now, or has ended. True: it had none. */
static __always_inline bool target_relist(u32 tgid)
{
	u64 *word = unlisted_word(tgid), bit = 1ull << (tgid & 63);

	return word && (*word & bit) && take_bit(word, bit, tgid);
}

/* Its interpreter ran nothing at this tick either: if it never has, it may be the wrong one of several. */
void target_doubt(struct abi_proc *p, u64 now);
