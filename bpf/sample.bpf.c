/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* sample_take: what every source calls. Read it top-down: the order of the checks is the order of cost. */
#include "bpf/sample.bpf.h"
#include "bpf/code.bpf.h"
#include "bpf/cold.bpf.h"
#include "bpf/gil.bpf.h"
#include "bpf/native.bpf.h"
#include "bpf/pywalk.bpf.h"
#include "bpf/record.bpf.h"
#include "bpf/target.bpf.h"
#include "bpf/tasks.bpf.h"
#include "bpf/tstate.bpf.h"

#define PF_EXITING           0x00000004 /* include/linux/sched.h */
#define WALK_NS              2000000ull /* most that a walk takes; 1,024 functions of 3.8, each read, take a quarter of it */
#define COLD_WAKE_NS         2000000ull
#define INVALIDATE_NS        1000000000ull /* first time without the cache; each time twice as long … */
#define INVALIDATE_MAX_SHIFT 12            /* … up to an hour or so */
#define START_NS             500000000ull  /* CPU time within which an interpreter starts */
#define SIGNAL_GROUP_EXIT    0x00000004    /* include/linux/sched/signal.h */

/* Atomic: what walks in task work can be interrupted by a tick. */
static __always_inline void count(u32 source, u32 outcome, u64 cnt)
{
	u32 at = source * ABI_OUTCOME_CNT + outcome;
	u64 *n = bpf_map_lookup_elem(&outcomes, &at);

	if (n)
		__sync_fetch_and_add(n, cnt);
}

__hidden void sample_skip(u32 source, u32 outcome)
{
	count(source, outcome, 1);
}

/* Rare, so it may cost. With no room in the map the loss is still counted, but no process is named for it. */
static __always_inline void keep_lost(const struct abi_lost_key *key, const struct abi_lost *l)
{
	struct abi_lost *known = bpf_map_lookup_elem(&lost, key);

	if (known) {
		__sync_fetch_and_add(&known->cnt, l->cnt);
		__sync_fetch_and_add(&known->value, l->value);
		return;
	}
	bpf_map_update_elem(&lost, key, l, BPF_NOEXIST);
}

__hidden void sample_count(u32 source, u32 outcome, u64 cnt)
{
	count(source, outcome, cnt);
}

__hidden void sample_lost(u32 source, u32 tgid, u32 outcome, u64 cnt, u64 value)
{
	struct abi_proc *p = tgid ? bpf_map_lookup_elem(&procs, &tgid) : NULL;
	struct abi_lost_key key = {.image_id = p ? p->image_id : 0, .outcome = outcome, .source = source};
	struct abi_lost l = {.cnt = cnt, .value = value, .tgid = tgid};

	count(source, outcome, cnt);
	if (p)
		target_met(p);
	if (tgid)
		keep_lost(&key, &l);
}

static __always_inline void keep_dropped(const struct abi_sample *s)
{
	struct abi_lost_key key = {
		.image_id = s->image_id, .outcome = ABI_RING_FULL, .source = s->source, .type = s->type};
	struct abi_lost l = {.cnt = 1, .value = s->value, .tgid = s->hdr.tgid};

	keep_lost(&key, &l);
}

/* Something of the process is to be looked at that user space does not know, or not as it is now. */
static __always_inline bool wants_mappings(const struct walk *w)
{
	const struct native *n = cfg_native && w->native == NATIVE_TAKEN ? native_of(w->slot) : NULL;

	return n && (n->head.stale || n->head.end == ABI_NATIVE_NO_MAPS || n->head.end == ABI_NATIVE_NO_MAPPING);
}

/* User space brings in what this sample missed: soon, but what is missing for good does not keep it busy. */
static __always_inline u64 sample_wake_flags(struct walk *w)
{
	if ((!w->sample.cold_addr && !wants_mappings(w)) || w->sample.hdr.time_ns - w->cold_wake_ns < COLD_WAKE_NS)
		return record_wake_flags();
	w->cold_wake_ns = w->sample.hdr.time_ns;
	return BPF_RB_FORCE_WAKEUP;
}

static __always_inline long keep(struct walk *w, u32 size)
{
	u32 at = w->keep - 1;
	struct kept_wait *kept = bpf_map_lookup_elem(&kept_waits, &at);

	if (!kept)
		return -1;
	if (cfg_native && w->native == NATIVE_TAKEN)
		native_keep(w, KEPT_NATIVE_WAIT + at);
	return bpf_probe_read_kernel(&kept->stack, size, w);
}

static __always_inline long send(struct walk *w, u32 size, u64 flags)
{
	if (cfg_native && w->native == NATIVE_TAKEN)
		return native_send((struct stack *)w, w->slot, flags);
	return bpf_ringbuf_output(&events, &w->sample, size, flags);
}

/* Sends the sample with its frames; gives the outcome to count. */
static __always_inline u32 emit(struct walk *w, u32 outcome)
{
	u32 n = w->frame_cnt, size;

	opaque(n);
	if (n > ABI_MAX_FRAMES)
		n = 0;
	size = sizeof(w->sample) + n * sizeof(struct abi_frame);
	w->sample.frame_cnt = (u16)n;
	w->sample.outcome = (u8)outcome;
	w->sample.hdr.size = size;
	if (w->keep)
		return keep(w, size) ? ABI_INTERNAL : outcome;
	if (!send(w, size, sample_wake_flags(w)))
		return outcome;
	keep_dropped(&w->sample);
	return ABI_RING_FULL;
}

/*
 * So many wait for the GIL, with which this thread ran for so long. Ticks come at any moment of what a thread does, and so to
 * each line as often as it has the GIL long. A function apart: old kernels count its stack while others walk, too.
 */
static __attribute__((noinline)) void blame(struct walk *w, u64 runtime_addr, u64 ns)
{
	s32 waiting = gil_waiting(bpf_get_current_pid_tgid() >> 32, gil_find(w, runtime_addr));
	u32 n = w->frame_cnt;

	opaque(n);
	if (waiting <= 0 || n > ABI_MAX_FRAMES)
		return;
	w->sample.source = ABI_SOURCE_GIL;
	w->sample.type = GIL_TYPE_HELD;
	w->sample.value = ns * (u32)waiting;
	gil_sent(&w->sample, w->sample.outcome,
		 send(w, sizeof(w->sample) + n * sizeof(struct abi_frame), BPF_RB_NO_WAKEUP) != 0);
}

/* How long a code object may go unread; bpf/memo.bpf.h says what that is worth. */
static __always_inline u64 cache_ns(const struct abi_py_layout *l)
{
	return l->mech & ABI_MECH_VERSION ? cfg_cache_numbered_ns : cfg_cache_ns;
}

static __always_inline void fill_sample(struct walk *w, struct task_struct *task, u64 pid_tgid, const struct tick *t)
{
	struct abi_sample *s = &w->sample;

	s->hdr.kind = ABI_REC_SAMPLE;
	s->hdr.cpu = bpf_get_smp_processor_id();
	s->hdr.tgid = pid_tgid >> 32;
	s->hdr.tid = (u32)pid_tgid;
	s->hdr.time_ns = t->now_ns;
	s->value = t->value;
	s->thread_start_ns = member_of(task, start_boottime);
	s->source = t->source;
	s->type = t->type;
	s->gil = ABI_GIL_UNKNOWN;
	s->interp_id = 0;
	s->unverified = s->flags = 0;
	s->cold_addr = s->tasks_key = 0;
	s->why = t->why;
	s->thread_ident = 0; /* where it is depends on the layout */
	bpf_get_current_comm(s->comm, sizeof(s->comm));
	w->frame_cnt = w->todo_cnt = w->replaced = w->cold = 0;
	w->cpu_ns = t->is_cpu_time ? t->value : 0;
	w->keep = t->keep;
	w->native = cfg_native && t->native ? NATIVE_WANTED : NATIVE_NONE;
}

/* By --gil. */
static __always_inline bool is_left_out(u32 outcome)
{
	return outcome == ABI_NO_GIL || outcome == ABI_GILLESS;
}

/* Everything a walk of this process needs that does not change while it lives. ABI_OK or ABI_INTERNAL. */
__hidden u32 sample_prepare(struct walk *w, struct abi_proc *p)
{
	u32 layout_id = p->layout_id;
	struct abi_py_layout *l = bpf_map_lookup_elem(&layouts, &layout_id);
	u64 thread_pointer = arch_thread_pointer(current_task());

	if (!l)
		return ABI_INTERNAL;
	w->layout = *l;
	w->layout_id = layout_id;
	w->sample.thread_ident = thread_pointer ? thread_pointer - l->thread_below : 0;
	w->code_type_addr = l->code_type_delta ? p->runtime_addr + l->code_type_delta : 0;
	w->max_frames = cfg_max_frames;
	/* Nothing gets old by samples that stand for no time. */
	w->cache_ns = !w->cpu_ns || w->sample.hdr.time_ns < p->verify_until_ns ? 0 : cache_ns(l);
	return ABI_OK;
}

/* Walks a Python process; the frames are in `w` when the outcome is a written one. */
__hidden u32 sample_walk(struct walk *w, struct abi_proc *p)
{
	struct task_struct *task = current_task();
	u32 key = p->tss_key, outcome;

	w->frame_cnt = w->todo_cnt = w->replaced = w->cold = 0;
	w->fault_addr = 0;
	w->sample.unverified = 0;
	w->limit_ns = WALK_NS;
	outcome = tstate_find(w, p->runtime_addr, w->sample.thread_ident, &key);
	p->tss_key = key;
	/* The page of _PyRuntime is not there before its first use. */
	if (outcome == ABI_FAULT_RUNTIME && member_of(task, se.sum_exec_runtime) < START_NS)
		return ABI_STARTING;
	if (outcome != ABI_OK && outcome != ABI_NO_TSTATE && outcome != ABI_NO_FRAME)
		return outcome;
	if (cfg_gil_only && w->sample.gil != ABI_GIL_HELD)
		return w->sample.gil == ABI_GIL_NONE ? ABI_GILLESS : ABI_NO_GIL;
	if (outcome == ABI_OK)
		outcome = pywalk(w);
	if (w->layout.ts_task_off && w->frame_cnt)
		tasks_take(w);
	if (w->collecting && w->frame_cnt)
		w->frames[0].what = w->layout.mech & ABI_MECH_GC_FRAME ? ABI_FRAME_COLLECTING : ABI_FRAME_IN_COLLECTION;
	return outcome;
}

static __always_inline u32 process_outcome(const struct abi_proc *p, u64 mm, u32 flags)
{
	if (flags & PF_EXITING)
		return ABI_EXITING;
	if (p->mm != mm || p->state == ABI_PROC_LOADING ||
	    p->state == ABI_PROC_BORROWED) /* in the middle of an exec, or just after */
		return ABI_STARTING;
	if (p->state == ABI_PROC_UNSUPPORTED)
		return ABI_UNSUPPORTED;
	if (p->state == ABI_PROC_PYTHON)
		return ABI_OK;
	/* What ends before it is looked at is most likely what others of its program were. */
	return p->state == ABI_PROC_NOT_PYTHON || p->flags & ABI_PROC_PLAIN ? ABI_NOT_PYTHON : ABI_IDENTIFYING;
}

/* Names of code objects seen for the first time: by the task itself if it can, else right now. */
static __always_inline void send_names(struct scratch *s, struct task_struct *task, u64 mm)
{
	struct walk *w = &s->walk;

	if (!w->todo_cnt)
		return;
	/* A process that is being killed does not come back to user mode, and its memory is gone first. */
	if ((BPF_CORE_READ(task, signal, flags) & SIGNAL_GROUP_EXIT) || code_schedule(w, mm))
		code_send_now(s);
}

/* The process is one that reuses the addresses of code objects: the more often, the longer none is cached. */
static __always_inline void invalidate(struct abi_proc *p, const struct walk *w)
{
	u32 shift = p->replaced < INVALIDATE_MAX_SHIFT ? p->replaced : INVALIDATE_MAX_SHIFT;
	struct abi_invalidate r = {.code_key = w->replaced == 1 ? w->replaced_key : 0, .image_id = p->image_id};

	p->replaced++;
	p->verify_until_ns = w->sample.hdr.time_ns + (INVALIDATE_NS << shift);
	record_header(&r.hdr, ABI_REC_INVALIDATE, sizeof(r));
	if (bpf_ringbuf_output(&events, &r, sizeof(r), BPF_RB_NO_WAKEUP))
		__sync_fetch_and_add(&invalidates_lost, 1);
}

/* Native frames of stacks that are shown, and of threads that have nothing else. */
static __always_inline bool has_native(u32 outcome)
{
	return outcome <= ABI_CUT_FAULT || outcome == ABI_NO_TSTATE || outcome == ABI_NO_FRAME;
}

__hidden void sample_native(struct walk *w, const struct tick *t)
{
	struct native *n = native_of(w->slot);
	u32 kernel_cnt = t->kernel_cnt;

	if (!n)
		return;
	if (!w->frame_cnt)
		n->head.run_cnt = 0;
	if (cfg_kernel && t->kernel_ctx) {
		long bytes = bpf_get_stack(t->kernel_ctx, n->kernel, sizeof(n->kernel), 0);

		kernel_cnt = bytes > 0 ? (u32)bytes / 8 : 0;
	}
	n->head.kernel_cnt = (u16)kernel_cnt;
	if (native_walk(w->slot, w->image_id) == ABI_OK)
		w->native = NATIVE_TAKEN;
}

static __always_inline u32 take(struct scratch *s, struct task_struct *task, const struct tick *t)
{
	struct walk *w = &s->walk;
	u64 id = bpf_get_current_pid_tgid();
	u64 mm = (u64)member_of(task, mm); /* read once: the verifier looks long at each pointer member */
	u32 flags = member_of(task, flags), outcome;
	struct abi_proc *p = NULL;

	if (id >> 32 == cfg_self_tgid || id >> 32 == aside_tgid)
		return ABI_SELF;
	outcome = target_find(task, mm, flags, &p);
	if (outcome == ABI_NOT_TARGET)
		return outcome;
	fill_sample(w, task, id, t);
	w->image_id = w->sample.image_id = p ? p->image_id : 0;
	if (!p)
		return emit(w, outcome);
	target_met(p);
	if (!(flags & PF_EXITING) && mm && p->mm == mm)
		target_identify(p, task, s);
	outcome = process_outcome(p, mm, flags);
	if (outcome == ABI_NOT_PYTHON && t->why.wait) /* what everything else waits for is nobody's business */
		return ABI_NOT_TARGET;
	if (outcome == ABI_OK)
		outcome = sample_prepare(w, p);
	if (outcome == ABI_OK)
		outcome = sample_walk(w, p);
	if (is_left_out(outcome))
		return outcome;
	if (w->frame_cnt)
		p->has_run = 1;
	else if (p->state == ABI_PROC_PYTHON)
		target_doubt(p, t->now_ns);
	if (sample_is_cold(w, outcome) && !(p->flags & ABI_PROC_SILENT)) {
		if (!cold_schedule(w, mm, outcome))
			return ABI_DEFERRED;
		w->sample.cold_addr = w->fault_addr;
	}
	if (cfg_native && w->native && has_native(outcome))
		sample_native(w, t);
	outcome = emit(w, outcome);
	if (cfg_gil_apart && t->is_cpu_time && gil_open > 0 && w->sample.gil == ABI_GIL_HELD)
		blame(w, p->runtime_addr, t->value);
	if (w->replaced)
		invalidate(p, w);
	send_names(s, task, mm);
	return outcome;
}

/* In task work, where only what needs no scratch of the tick's may be used. */
__hidden void sample_again(struct walk *w, struct abi_proc *p, u32 outcome, u64 mm)
{
	if (!is_left_out(outcome))
		outcome = emit(w, outcome);
	count(w->sample.source, outcome, 1);
	count(w->sample.source, ABI_DEFERRED, -1);
	if (p && w->replaced)
		invalidate(p, w);
	if (w->todo_cnt)
		code_schedule(w, mm); /* else at the next tick */
}

struct repeat_ctx {
	struct walk *w;
	u64 value, rest;
	u32 outcome;
};

static long repeat_one(u32 i, struct repeat_ctx *ctx)
{
	struct walk *w = ctx->w;
	u32 outcome = ctx->outcome;

	w->sample.value = ctx->value + ctx->rest;
	ctx->rest = 0;
	w->sample.hdr.time_ns += w->sample.value;
	if (!is_left_out(outcome))
		outcome = emit(w, outcome);
	count(w->sample.source, outcome, 1);
	count(w->sample.source, ABI_DEFERRED, -1);
	return 0;
}

/* The same for so many later ticks, which found the same; each has its part of the sum of their values. */
__hidden void sample_repeat(struct walk *w, u32 outcome, u32 cnt, u64 value)
{
	struct repeat_ctx ctx = {.w = w, .outcome = outcome};

	if (!cnt)
		return;
	ctx.value = value / cnt;
	ctx.rest = value % cnt;
	bpf_loop(cnt, repeat_one, &ctx, 0);
}

__hidden u32 sample_keep(struct tick *t, u32 source)
{
	struct scratch *s;

	t->source = source;
	t->slot = sample_slot(source);
	s = bpf_map_lookup_elem(&scratches, &t->slot);
	if (!s)
		return ABI_INTERNAL;
	s->walk.slot = t->slot;
	return take(s, current_task(), t);
}

__hidden struct scratch *sample_scratch(u32 source)
{
	u32 slot = 0;
	struct scratch *s;

	if (source < ABI_SOURCE_CNT)
		slot = sample_slot(source);
	s = bpf_map_lookup_elem(&scratches, &slot);
	if (s)
		s->walk.slot = slot;
	return s;
}

__hidden u32 sample_begin(struct scratch *s, const struct tick *t, struct abi_proc **out)
{
	struct task_struct *task = current_task();
	u64 id = bpf_get_current_pid_tgid(), mm = (u64)member_of(task, mm);
	u32 flags = member_of(task, flags), outcome;
	struct abi_proc *p = NULL;

	if (id >> 32 == cfg_self_tgid || id >> 32 == aside_tgid)
		return ABI_SELF;
	outcome = target_find(task, mm, flags, &p);
	if (outcome != ABI_OK || !p)
		return outcome;
	fill_sample(&s->walk, task, id, t);
	s->walk.image_id = s->walk.sample.image_id = p->image_id;
	target_met(p);
	if (!(flags & PF_EXITING) && mm && p->mm == mm)
		target_identify(p, task, s);
	outcome = process_outcome(p, mm, flags);
	*out = p;
	return outcome == ABI_OK ? sample_prepare(&s->walk, p) : outcome;
}

__hidden void sample_names(struct scratch *s)
{
	struct task_struct *task = current_task();

	send_names(s, task, (u64)member_of(task, mm));
}

__hidden void sample_dropped(const struct abi_sample *s)
{
	keep_dropped(s);
}

__hidden void sample_in(struct scratch *s, const struct tick *t)
{
	count(t->source, take(s, current_task(), t), 1);
}

__hidden void sample_tick(const struct tick *t)
{
	struct task_struct *task = current_task();
	u32 slot = t->slot;
	struct scratch *s = bpf_map_lookup_elem(&scratches, &slot);

	if (s)
		s->walk.slot = slot;
	count(t->source, s ? take(s, task, t) : ABI_INTERNAL, 1);
}
