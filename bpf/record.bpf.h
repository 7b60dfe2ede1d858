/* The header that every record begins with. */
#pragma once
#include "bpf/maps.bpf.h"

#ifndef PYBPF_HOST
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
#endif
