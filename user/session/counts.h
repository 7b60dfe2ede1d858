/* What the kernel side counts: ticks by outcome, and the samples that the ring buffer had no room for. */
#pragma once
#include "bpf/abi.h"
#include "user/resolve/resolve.h"

struct pybpfprof_bpf;

/* Over all CPUs. */
void counts_read(const struct pybpfprof_bpf *skel, uint64_t sums[ABI_OUTCOME_CNT]);

/* Samples the ring buffer could not take: how many were told of, and until when (CLOCK_MONOTONIC). */
struct unsent_told {
	uint64_t cnt, until_ns;
};

/* Tells the resolver of those that have come since; before draining, as their thread's next samples are not for them. */
void counts_tell_unsent(struct unsent_told *told, const struct pybpfprof_bpf *skel, struct resolve *r,
			double rate_hz);
