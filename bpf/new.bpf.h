/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What Linux has got since 5.10 and we use. bpf/old.bpf.h is the same for kernels that lack some of it; nothing else on the
 * kernel side knows of a difference. maps.bpf.h includes one of the two.
 */
#pragma once

/* A tracepoint with typed arguments, and a member of what these and the current task point to: a plain load. */
#define SEC_TRACEPOINT(name) SEC("tp_btf/" name)
#define member_of(p, member) ((p)->member)

#define current_task() bpf_get_current_task_btf() /* 5.11 */

#ifndef PYBPF_HOST
/* The current task's user registers at its last entry into the kernel: here, when the timer interrupted it. 5.15 */
#define read_user_registers(dst, bytes) bpf_probe_read_kernel(dst, bytes, (void *)bpf_task_pt_regs(current_task()))
#define user_registers(w)               read_user_registers((w)->registers, sizeof((w)->registers))
#endif

#ifndef PYBPF_HOST
/* The same of any task, where they lie. 5.15 */
#define registers_of(task) ((u64)bpf_task_pt_regs(task))
#endif
#define state_of(task) member_of(task, __state)

/* The kernel's functions that a task is in which does not run, but for the scheduler's. 5.9, but only in typed programs */
#define kernel_stack_of(task, out, bytes) bpf_get_task_stack(task, out, bytes, 0)

/* Native frames take bpf_loop (5.17): no verifier looks at their unwinding as often as it may go round. */
#define HAS_NATIVE ARCH_UNWINDS

/* bpf_get_current_ancestor_cgroup_id(), for the version 2 hierarchy. 5.12 */
#define HAS_ANCESTOR_ID true

/* Atomic steps of which the result is wanted, or that are no sums. 5.12 */
#define new_image_id()              image_id_of(__sync_fetch_and_add(&next_image_id, 1))
#define set_bits(word, bits)        __sync_fetch_and_or(word, bits)
#define give_bit(word, bit)         __sync_fetch_and_or(word, bit)
#define take_bit(word, bit, number) (__sync_fetch_and_and(word, ~(bit)) & (bit)) /* clears this one; was it set? */

/* A function that the sampled task calls before it returns to user mode (bpf/task_work.bpf.h). 6.18, else it does nothing. */
#define HAS_TASK_WORK true

/*
 * A function that the verifier looks at once, by itself, whoever calls it: what is walked in the tick and in task work
 * is verified in half the time. Its pointers may be null, for all that is known of them. 5.12
 */
#define __verified_once __attribute__((noinline))

/*
 * Defines `name(it, cnt)`, which calls body(i, it) for i from 0 on, until that gives other than 0; `cnt` times at most,
 * which is never more than `most`. The verifier looks at the body once. 5.17
 */
#define LOOP(name, type, most, body)                                                                                   \
	struct name##_ctx {                                                                                            \
		type *it;                                                                                              \
	};                                                                                                             \
	static long name##_callback(u32 i, struct name##_ctx *ctx)                                                     \
	{                                                                                                              \
		return body(i, ctx->it);                                                                               \
	}                                                                                                              \
	static __always_inline void name(type *it, u32 cnt)                                                            \
	{                                                                                                              \
		struct name##_ctx ctx = {it};                                                                          \
                                                                                                                       \
		bpf_loop(cnt, name##_callback, &ctx, 0);                                                               \
	}
/* The same for a tick's scratch, or the walk that it begins with: `name(it)`, always as many times as may be. */
#define SCRATCH_LOOP(name, type, most, body)                                                                           \
	LOOP(name##_of, type, most, body)                                                                              \
	static __always_inline void name(type *it)                                                                     \
	{                                                                                                              \
		name##_of(it, most);                                                                                   \
	}
