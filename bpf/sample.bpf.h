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
/* Counts ticks that no program ran for; `tgid` of the process that they would have sampled, 0: none of ours. */
void sample_lost(u32 tgid, u32 outcome, u64 cnt, u64 value_ns);
#endif
