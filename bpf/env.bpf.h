/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The one door to the kernel (vmlinux.h and BPF helpers), or, under PYBPF_HOST, to ordinary C: all files here include
 * only this, so the same source runs in the kernel, in `dump` (the walker) and in tests (everything).
 */
#pragma once
#include "bpf/arch.h"
#ifdef PYBPF_HOST
#include "bpf/env_host.h"
#else
#include "vmlinux/vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#define __set_before_load const volatile
#endif

/*
 * Copies from the current task's user memory without ever faulting a page in; 0 or negative. The kernel takes tags only
 * from those that told it of them (arch/arm64: TIF_TAGGED_ADDR), and may want to see them then.
 */
static __always_inline long read_user(void *dst, u32 size, u64 addr)
{
	long err = bpf_probe_read_user(dst, size, (const void *)addr);

	if (err && (addr & ARCH_USER_TAG))
		err = bpf_probe_read_user(dst, size, (const void *)arch_untagged(addr));
	return err;
}

#ifndef PYBPF_NO_MAPS
/* The memory that a walk is about is the current task's; only `dump` reads another's, and wants to know where a frame lies. */
#define walk_read(w, dst, size, addr)             read_user(dst, size, addr)
#define frame_stored(w, n, frame_addr, code_addr) ((void)0)
#define frames_forgotten(w, n)                    ((void)0)
#endif

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
