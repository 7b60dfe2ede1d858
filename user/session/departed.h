/* SPDX-License-Identifier: MIT */
/*
 * Processes that ended without a record of it, because the ring was full: user space takes them for alive, but the kernel
 * side has no entry of them any more. Without this they would be kept, and asked for their names, for ever.
 */
#pragma once
#include "user/target/processes.h"

struct pybpfprof_bpf;

/* All zeros is empty. */
struct departed {
	struct abi_exit *recs;
	size_t cnt, cap;
	uint32_t lost_seen;
	uint64_t again_ns;
};

/* Before the ring is drained: what it still holds of them comes first. */
void departed__look(struct departed *d, const struct pybpfprof_bpf *skel, const struct processes *processes,
		    uint64_t now_ns);
/* After the ring was drained: calls `fn` for those that still have no record. */
void departed__tell(struct departed *d, const struct processes *processes,
		    void (*fn)(void *ctx, const struct abi_exit *rec), void *ctx);
void departed__free(struct departed *d);
