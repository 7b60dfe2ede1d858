/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * As bpf/new.bpf.h, for kernels from 5.10 on that lack any of that, and for those that have no type information of their own
 * (user/session/variant.h). What is here needs no task work, which these kernels do not have either.
 */
#pragma once

/* Untyped, so everything is copied. */
#define SEC_TRACEPOINT(name) SEC("raw_tp/" name)
#ifdef PYBPF_HOST
#define member_of(p, member) ((p)->member) /* which tests write to */
#else
#define member_of(p, member) BPF_CORE_READ(p, member)
#endif

#define current_task() ((struct task_struct *)bpf_get_current_task())

#ifndef PYBPF_HOST
#define read_user_registers(dst, bytes)                                                                                \
	bpf_probe_read_kernel(dst, bytes, (void *)arch_user_registers((u64)BPF_CORE_READ(current_task(), stack)))
#define user_registers(w)  read_user_registers((w)->registers, sizeof((w)->registers))
#define registers_of(task) arch_user_registers((u64)BPF_CORE_READ(task, stack))
#endif
#define state_of(task)                                                                                                 \
	(bpf_core_field_exists((task)->__state)                                                                        \
		 ? BPF_CORE_READ(task, __state)                                                                        \
		 : (u32)BPF_CORE_READ((struct task_struct___before_5_14 *)(task), state))

#define HAS_NATIVE                        0
#define kernel_stack_of(task, out, bytes) 0

/* Not in tracing programs before 5.12. */
#define HAS_ANCESTOR_ID false

/* Of those who want the same, one gets it: the kernel puts a key into a map once. */
static __always_inline bool claim(u64 what)
{
	u8 nothing = 0;

	return !bpf_map_update_elem(&claims, &what, &nothing, BPF_NOEXIST);
}

/* The sum may be the same for several that add to it at once. */
static __always_inline u32 new_image_id(void)
{
	u32 id = 0;

	for (u32 i = 0; i < 8; i++) {
		__sync_fetch_and_add(&next_image_id, 1);
		id = image_id_of(*(volatile u32 *)&next_image_id - 1);
		if (claim(id))
			break;
	}
	return id;
}

/* All who set bits of such a word in a tick set the same ones. */
#define set_bits(word, bits) (*(volatile typeof(*(word)) *)(word) |= (bits))

/* Bits of words that are shared; whoever sets one is the only one who does. */
static __always_inline void give_bit(u64 *word, u64 bit)
{
	if (!(*word & bit))
		__sync_fetch_and_add(word, bit);
}

static __always_inline bool take_bit(u64 *word, u64 bit, u64 number)
{
	u64 what = ~number; /* not an image's */
	bool taken;

	if (!claim(what))
		return false;
	taken = *word & bit;
	if (taken)
		__sync_fetch_and_add(word, -bit);
	bpf_map_delete_elem(&claims, &what);
	return taken;
}

#define HAS_TASK_WORK false

/* These verifiers know no pointers of functions that they look at by themselves (5.12), so who calls one once has it inlined. */
#define __verified_once __hidden __attribute__((noinline))

#define LOOP(name, type, most, body)                                                                                   \
	static __always_inline void name(type *it, u32 cnt)                                                            \
	{                                                                                                              \
		for (u32 i = 0; i < (most) && i < cnt; i++)                                                            \
			if (body(i, it))                                                                               \
				break;                                                                                 \
	}
/*
 * Such a loop is looked at as often as it may go round. But a function that is given numbers only is looked at once, by
 * itself, and finds the scratch again by its number; so are those that call it in a loop, in two steps.
 */
#define LOOP_STEP           64
#define VERIFIED_BY_NUMBERS __attribute__((noinline)) u32
#define SCRATCH_LOOP(name, type, most, body)                                                                           \
	VERIFIED_BY_NUMBERS name##_once(u32 slot, u32 i);                                                              \
	VERIFIED_BY_NUMBERS name##_once(u32 slot, u32 i)                                                               \
	{                                                                                                              \
		type *it = (type *)bpf_map_lookup_elem(&scratches, &slot);                                             \
                                                                                                                       \
		opaque(i); /* else a body that has no use for it is called without one */                              \
		return !it || body(i, it);                                                                             \
	}                                                                                                              \
	VERIFIED_BY_NUMBERS name##_some(u32 slot, u32 first);                                                          \
	VERIFIED_BY_NUMBERS name##_some(u32 slot, u32 first)                                                           \
	{                                                                                                              \
		for (u32 i = 0; i < LOOP_STEP; i++)                                                                    \
			if (name##_once(slot, first + i))                                                              \
				return 1;                                                                              \
		return 0;                                                                                              \
	}                                                                                                              \
	VERIFIED_BY_NUMBERS name##_all(u32 slot);                                                                      \
	VERIFIED_BY_NUMBERS name##_all(u32 slot)                                                                       \
	{                                                                                                              \
		for (u32 i = 0; i < (most); i += LOOP_STEP)                                                            \
			if (name##_some(slot, i))                                                                      \
				return 1;                                                                              \
		return 0;                                                                                              \
	}                                                                                                              \
	static __always_inline void name(type *it)                                                                     \
	{                                                                                                              \
		name##_all(((struct walk *)it)->slot);                                                                 \
	}
