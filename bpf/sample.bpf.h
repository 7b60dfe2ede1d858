/* One tick of one event source. */
#pragma once
#include "bpf/maps.bpf.h"

#ifndef PYBPF_HOST
struct tick {
	u64 now_ns, value_ns;
	u32 source;
};

/* Samples the current task: composes target, tstate, walk, code and counts exactly one outcome. */
void sample_take(const struct tick *t);
/* Something that should be there was not readable: it may be swapped out. */
static __always_inline bool sample_is_cold(const struct walk *w, u32 outcome)
{
	return w->cold || outcome == ABI_FAULT_RUNTIME || outcome == ABI_FAULT_TSTATE ||
	       outcome == ABI_FAULT_FRAME || outcome == ABI_CUT_FAULT;
}

/* The parts of it that are done again in task work, on a walk of its own (bpf/cold.bpf.c). */
u32 sample_prepare(struct walk *w, struct abi_proc *p);
u32 sample_walk(struct walk *w, struct abi_proc *p);
void sample_again(struct walk *w, struct abi_proc *p, u32 outcome, u64 mm);
/* Counts ticks that no program ran for; `tgid` of the process that they would have sampled, 0: none of ours. */
void sample_lost(u32 tgid, u32 outcome, u64 cnt, u64 value_ns);
#endif
