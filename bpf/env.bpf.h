/*
 * The one door to the kernel (vmlinux.h and BPF helpers), or, under PYBPF_HOST, to ordinary C: the
 * walker's files include only this, so the same source runs in the kernel, in `dump` and in tests.
 */
#pragma once
/* x86-64: struct pt_regs begins with r15 to rdi, all but the stack pointer (arch/x86/include/asm/ptrace.h). */
#define USER_REGISTERS 15
#ifdef PYBPF_HOST
#include "bpf/env_host.h"
#else
#include "vmlinux/vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

/* Copies from the current task's user memory without ever faulting a page in; 0 or negative. */
static __always_inline long read_user(void *dst, u32 size, u64 addr)
{
	return bpf_probe_read_user(dst, size, (const void *)addr);
}
#define now_ns() bpf_ktime_get_ns()
/* What the current task's registers held when it entered the kernel last: here, when the timer interrupted it. */
#define user_registers(registers) \
	bpf_probe_read_kernel(registers, sizeof(registers), (void *)bpf_task_pt_regs(bpf_get_current_task_btf()))
/* Only the host wants to know where a frame lies. */
#define frame_stored(n, frame_addr, code_addr) ((void)0)
#define frames_forgotten(n)		       ((void)0)
#endif

/*
 * A function that the verifier looks at once, by itself, whoever calls it: what is walked in the tick and in task work
 * is verified in half the time. Its pointers may be null, for all that is known of them.
 */
#define __verified_once __attribute__((noinline))

#ifndef likely
#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#endif

/* Keeps the compiler from merging a bounds check away from the register the verifier looks at. */
#define opaque(var) asm volatile("" : "+r"(var))

/* A u64 at a layout offset inside a block; out of range reads as 0 (the verifier needs the bound). */
static __always_inline u64 block_u64(const u8 *block, u32 size, u32 off)
{
	opaque(off);
	if (off > size - 8)
		return 0;
	return *(const u64 *)(block + off);
}

/*
 * The same for the walk's hot loop: a member at an offset below 128, aligned to its size, in a block with
 * slack behind it. A mask costs less than a check, and the verifier is content.
 */
static __always_inline u64 masked_u64(const u8 *block, u32 off)
{
	return *(const u64 *)(block + (off & 0x78));
}

static __always_inline u32 masked_u32(const u8 *block, u32 off)
{
	return *(const u32 *)(block + (off & 0x7c));
}

static __always_inline u32 block_u32(const u8 *block, u32 size, u32 off)
{
	opaque(off);
	if (off > size - 4)
		return 0;
	return *(const u32 *)(block + off);
}

static __always_inline u8 block_u8(const u8 *block, u32 size, u32 off)
{
	opaque(off);
	if (off > size - 1)
		return 0;
	return block[off];
}
