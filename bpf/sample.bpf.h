/* One tick of one event source. */
#pragma once
#include "bpf/maps.bpf.h"

#ifndef PYBPF_HOST
/* Samples the current task: composes target, tstate, walk, code and counts exactly one outcome. */
void sample_take(u32 source, u64 value_ns);
#endif
