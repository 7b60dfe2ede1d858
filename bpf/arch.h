/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The kernel side's part of what differs by processor, one header each in arch/, and no more than macros, so that user
 * space can have them too. Its own part is user/symbol/arch.h.
 */
#pragma once
#if defined(__TARGET_ARCH_arm64) || (defined(__aarch64__) && !defined(__TARGET_ARCH_x86))
#include "bpf/arch/arm64.h"
#elif defined(__TARGET_ARCH_x86) || defined(__x86_64__)
#include "bpf/arch/x86.h"
#else
#error "this architecture has no header in bpf/arch/ yet"
#endif

#define arch_untagged(addr) ((addr) & ~ARCH_USER_TAG)
