/* SPDX-License-Identifier: MIT */
#include "user/session/kernel_clock.h"
#include "pybpfprof.skel.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include <bpf/bpf.h>
#include <string.h>

#define TRIES 16 /* we may be interrupted between two clocks; the shortest time between them tells most */

/* A reading between two of ours is of the same clock: the difference is 0, not what the system calls took. */
static int64_t difference(uint64_t before, uint64_t theirs, uint64_t after)
{
	if (before <= theirs && theirs <= after)
		return 0;
	return (int64_t)(theirs - (before + (after - before) / 2));
}

int kernel_clock__read(struct pybpfprof_bpf *skel, struct kernel_clock *out)
{
	uint64_t shortest = UINT64_MAX;

	for (int i = 0; i < TRIES; i++) {
		LIBBPF_OPTS(bpf_test_run_opts, opts);
		uint64_t mono = clock_now_ns(), boot = clock_read_ns(CLOCK_BOOTTIME);
		int err = bpf_prog_test_run_opts(bpf_program__fd(skel->progs.clocks_read), &opts);
		uint64_t boot_after = clock_read_ns(CLOCK_BOOTTIME), mono_after = clock_now_ns();

		if (err) {
			log_error("cannot ask the BPF programs for their time: %s", strerror(-err));
			return err;
		}
		if (mono_after - mono >= shortest)
			continue;
		shortest = mono_after - mono;
		out->monotonic_ns = difference(mono, skel->bss->clock_monotonic_ns, mono_after);
		out->boottime_ns = difference(boot, skel->bss->clock_boottime_ns, boot_after);
	}
	if (out->monotonic_ns || out->boottime_ns)
		log_verbose("in a time namespace: the kernel's clocks are %.3f s and %.3f s (since boot) before ours",
			    (double)out->monotonic_ns / 1e9, (double)out->boottime_ns / 1e9);
	return 0;
}
