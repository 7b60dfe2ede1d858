/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The header that every record begins with. */
#pragma once
#include "bpf/maps.bpf.h"

/* User space drains by the clock; it is woken when much waits. */
static __always_inline u64 record_wake_flags(void)
{
	return bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) >= cfg_wake_bytes ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

static __always_inline void record_header(struct abi_hdr *h, u32 kind, u32 size)
{
	u64 id = bpf_get_current_pid_tgid();

	h->size = size;
	h->kind = kind;
	h->cpu = bpf_get_smp_processor_id();
	h->tgid = id >> 32;
	h->tid = (u32)id;
	h->time_ns = bpf_ktime_get_ns();
}
