/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* One tick of one source. */
#pragma once
#include "bpf/maps.bpf.h"

/* Small: it lies on the stack, of which a chain of calls may use 512 bytes (check_max_stack_depth() in kernel/bpf/verifier.c). */
struct tick {
	u64 now_ns;
	u64 value;        /* in the unit of its type */
	void *kernel_ctx; /* of the program, for the kernel's part of the stack; NULL: it is there already … */
	struct abi_why why;
	u32 slot; /* of `scratches` */
	u32 keep; /* of `kept_waits` + 1, where the sample is to be kept; 0: it is sent */
	u8 source, type;
	u8 native;      /* native frames too: nothing else that uses this slot comes in between */
	u8 is_cpu_time; /* the value is of CPU time */
	u16 kernel_cnt; /* … so many frames, in `natives` */
};

/* Samples the current task: composes target, tstate, walk, code and counts exactly one outcome. */
void sample_tick(const struct tick *t);

/* The same in task work, with a scratch that nobody else uses meanwhile. */
void sample_in(struct scratch *s, const struct tick *t);
/* The same as sample_take() for one that is kept; gives the outcome, which is not counted. */
u32 sample_keep(struct tick *t, u32 source);
/* Counts what became of so many. */
void sample_count(u32 source, u32 outcome, u64 cnt);

/* That of a source on this CPU. */
static __always_inline u32 sample_slot(u32 source)
{
	return bpf_get_smp_processor_id() * cfg_slots_per_cpu + cfg_slots[source];
}

/* Called by a source's program, with one of its value types. */
static __always_inline void sample_take(struct tick *t, u32 source, u32 type)
{
	t->source = source;
	t->type = type;
	t->slot = sample_slot(source);
	sample_tick(t);
}

/* Counts a tick that is no sample: not ours, or not due yet. */
void sample_skip(u32 source, u32 outcome);

/* Something that should be there was not readable: it may be swapped out. */
static __always_inline bool sample_is_cold(const struct walk *w, u32 outcome)
{
	return w->cold || outcome == ABI_FAULT_RUNTIME || outcome == ABI_FAULT_TSTATE || outcome == ABI_FAULT_FRAME ||
	       outcome == ABI_CUT_FAULT;
}

/* The parts of it that are done again in task work, on a walk of its own (bpf/cold.bpf.c). */
u32 sample_prepare(struct walk *w, struct abi_proc *p);
u32 sample_walk(struct walk *w, struct abi_proc *p);
void sample_again(struct walk *w, struct abi_proc *p, u32 outcome, u64 mm);
void sample_repeat(struct walk *w, u32 outcome, u32 cnt, u64 value);
/*
 * The parts of it that sources need which send what they walk later. A sample of the current task begins in the scratch;
 * ABI_OK, or why there is nothing to walk.
 */
struct scratch *sample_scratch(u32 source);
u32 sample_begin(struct scratch *s, const struct tick *t, struct abi_proc **out);
/* With cfg_native: native frames of the current task, whose Python frames have just been walked for this tick. */
void sample_native(struct walk *w, const struct tick *t);
/* Names of what was met in a walk of the current task's memory. */
void sample_names(struct scratch *s);
/* The ring had no room for this one. */
void sample_dropped(const struct abi_sample *s);
/* Counts ticks that no program ran for; `tgid` of the process that they would have sampled, 0: none of ours. */
void sample_lost(u32 source, u32 tgid, u32 outcome, u64 cnt, u64 value);
