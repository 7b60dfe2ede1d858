/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Reads in task work that may bring a page in, where the page's coming is in nobody's hands but the kernel's. */
#pragma once
#include "bpf/maps.bpf.h"

#ifdef PYBPF_NO_MAPS
#define read_faulting read_user
#else
/* May the current process's memory be faulted in here? 1 or 0. */
int fault_allowed(u64 addr, u32 size);

/* 0 or negative. Most is there, and what is there is nobody's to hold back. */
static __always_inline long read_faulting(void *dst, u32 size, u64 addr)
{
	if (!read_user(dst, size, addr))
		return 0;
	return fault_allowed(arch_untagged(addr), size) ? bpf_copy_from_user(dst, size, (const void *)addr) : -1;
}
#endif
