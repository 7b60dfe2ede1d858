/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The kernel side's clocks, which are the host's: in a time namespace user space's are others (time_namespaces(7)). */
#include "bpf/maps.bpf.h"

SEC("raw_tp")
int clocks_read(void *ctx)
{
	clock_monotonic_ns = bpf_ktime_get_ns();
	clock_boottime_ns = bpf_ktime_get_boot_ns();
	return 0;
}
