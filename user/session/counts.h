/* What the kernel side counts: ticks by outcome, and those that gave no record. */
#pragma once
#include "bpf/abi.h"
#include "user/resolve/resolve.h"

struct cpu_source_counts;
struct pybpfprof_bpf;

/* Over all CPUs; with what the source itself knows of. */
void counts_read(const struct pybpfprof_bpf *skel, const struct cpu_source_counts *c, uint64_t sums[ABI_OUTCOME_CNT]);

/* Ticks without a record: how many the resolver was told of, and until when (the kernel side's CLOCK_MONOTONIC). */
struct lost_told {
	uint64_t cnt[ABI_OUTCOME_CNT], until_ns;
};

/* Tells the resolver of those that have come since; `sums` by counts_read(). */
void counts_tell_lost(struct lost_told *told, const struct pybpfprof_bpf *skel, const uint64_t sums[ABI_OUTCOME_CNT],
		      struct resolve *r, double rate_hz, uint64_t now_ns);
