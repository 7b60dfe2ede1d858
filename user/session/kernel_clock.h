/* SPDX-License-Identifier: MIT */
/* Which time the kernel side has: that of the host, where ours may be a time namespace's. */
#pragma once
#include <stdint.h>

struct pybpfprof_bpf;

/* Its clocks less ours of the same name: 0 where there is no time namespace. */
struct kernel_clock {
	int64_t monotonic_ns, boottime_ns;
};

/* Asks it. 0 or negative errno (said). */
int kernel_clock__read(struct pybpfprof_bpf *skel, struct kernel_clock *out);
