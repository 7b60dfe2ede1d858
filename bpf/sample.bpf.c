/* sample_take: what every event source calls. Read it top-down: the order of the checks is the order of cost. */
#include "bpf/sample.bpf.h"
#include "bpf/arch.h"
#include "bpf/code.bpf.h"
#include "bpf/cold.bpf.h"
#include "bpf/pywalk.bpf.h"
#include "bpf/record.bpf.h"
#include "bpf/target.bpf.h"
#include "bpf/tstate.bpf.h"

#define PF_EXITING	  0x00000004 /* include/linux/sched.h */
#define COLD_WAKE_NS	  2000000ull
#define RECALL_NS	  1000000000ull /* first time without trust; each time twice as long … */
#define RECALL_MAX_SHIFT  12		/* … up to an hour or so */
#define START_NS	  500000000ull /* CPU time within which an interpreter starts */
#define SIGNAL_GROUP_EXIT 0x00000004 /* include/linux/sched/signal.h */

/* Atomic: what walks in task work can be interrupted by a tick. */
static __always_inline void count(u32 outcome, u64 cnt)
{
	u64 *n = bpf_map_lookup_elem(&outcomes, &outcome);

	if (n)
		__sync_fetch_and_add(n, cnt);
}

/* Rare, so it may cost. With no room here, the loss is still counted, only not known whose it is. */
static __always_inline void keep_lost(u32 image_id, u32 tgid, u32 outcome, u64 cnt, u64 value_ns)
{
	u64 key = (u64)image_id << 32 | outcome;
	struct abi_lost *known = bpf_map_lookup_elem(&lost, &key);
	struct abi_lost first = {.cnt = cnt, .value_ns = value_ns, .tgid = tgid};

	if (known) {
		__sync_fetch_and_add(&known->cnt, cnt);
		__sync_fetch_and_add(&known->value_ns, value_ns);
		return;
	}
	bpf_map_update_elem(&lost, &key, &first, BPF_NOEXIST);
}

__hidden void sample_lost(u32 tgid, u32 outcome, u64 cnt, u64 value_ns)
{
	struct abi_proc *p = tgid ? bpf_map_lookup_elem(&procs, &tgid) : NULL;

	count(outcome, cnt);
	if (tgid)
		keep_lost(p ? p->image_id : 0, tgid, outcome, cnt, value_ns);
}

/* User space brings in what this sample missed: soon, but what is missing for good does not keep it busy. */
static __always_inline u64 sample_wake_flags(struct walk *w)
{
	if (!w->sample.cold_addr || w->sample.hdr.time_ns - w->cold_wake_ns < COLD_WAKE_NS)
		return record_wake_flags();
	w->cold_wake_ns = w->sample.hdr.time_ns;
	return BPF_RB_FORCE_WAKEUP;
}

/* Sends the sample with its frames; gives the outcome to count. */
static __always_inline u32 emit(struct walk *w, u32 outcome)
{
	u32 n = w->frame_cnt, size;

	opaque(n);
	if (n > ABI_MAX_FRAMES)
		n = 0;
	size = sizeof(w->sample) + n * sizeof(struct abi_frame);
	w->sample.frame_cnt = n;
	w->sample.outcome = (u8)outcome;
	w->sample.hdr.size = size;
	if (!bpf_ringbuf_output(&events, &w->sample, size, sample_wake_flags(w)))
		return outcome;
	keep_lost(w->sample.image_id, w->sample.hdr.tgid, ABI_RING_FULL, 1, w->sample.value_ns);
	return ABI_RING_FULL;
}

/* How long a code object may go unread; bpf/memo.bpf.h says what that is worth. */
static __always_inline u64 trust_ns(const struct abi_py_layout *l)
{
	return l->mech & ABI_MECH_VERSION ? cfg_trust_numbered_ns : cfg_trust_ns;
}

static __always_inline void fill_sample(struct walk *w, struct task_struct *task, u64 pid_tgid,
					const struct tick *t)
{
	struct abi_sample *s = &w->sample;

	s->hdr.kind = ABI_REC_SAMPLE;
	s->hdr.cpu = bpf_get_smp_processor_id();
	s->hdr.tgid = pid_tgid >> 32;
	s->hdr.tid = (u32)pid_tgid;
	s->hdr.time_ns = t->now_ns;
	s->value_ns = t->value_ns;
	s->thread_start_ns = task->start_boottime;
	s->source = t->source;
	s->gil = ABI_GIL_UNKNOWN;
	s->trusted = 0;
	s->pad = 0;
	s->cold_addr = 0;
	s->thread_ident = arch_thread_pointer(task);
	bpf_get_current_comm(s->comm, sizeof(s->comm));
	w->frame_cnt = w->todo_cnt = w->replaced = w->cold = 0;
}

/* Everything a walk of this process needs that does not change while it lives. ABI_OK or ABI_INTERNAL. */
__hidden u32 sample_prepare(struct walk *w, struct abi_proc *p)
{
	u32 layout_id = p->layout_id;
	struct abi_py_layout *l = bpf_map_lookup_elem(&layouts, &layout_id);

	if (!l)
		return ABI_INTERNAL;
	w->layout = *l;
	w->layout_id = layout_id;
	w->code_type_addr = l->code_type_delta ? p->runtime_addr + l->code_type_delta : 0;
	w->max_frames = cfg_max_frames;
	w->trust_ns = w->sample.hdr.time_ns < p->verify_until_ns ? 0 : trust_ns(l);
	return ABI_OK;
}

/* Walks a Python process; the frames are in `w` when the outcome is a written one. */
__hidden u32 sample_walk(struct walk *w, struct abi_proc *p)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u32 key = p->tss_key, outcome;

	w->frame_cnt = w->todo_cnt = w->replaced = w->cold = 0;
	w->fault_addr = 0;
	w->sample.trusted = 0;
	w->limit_ns = cfg_max_walk_ns;
	outcome = tstate_find(w, p->runtime_addr, w->sample.thread_ident, &key);
	p->tss_key = key;
	/* The page of _PyRuntime is not there before its first use. */
	if (outcome == ABI_FAULT_RUNTIME && task->se.sum_exec_runtime < START_NS)
		return ABI_STARTING;
	if (outcome != ABI_OK)
		return outcome;
	if (cfg_gil_only && w->sample.gil != ABI_GIL_HELD)
		return ABI_NO_GIL;
	return pywalk(w);
}

static __always_inline u32 process_outcome(const struct abi_proc *p, u64 mm, u32 flags)
{
	if (flags & PF_EXITING)
		return ABI_EXITING;
	if (p->mm != mm || p->state == ABI_PROC_LOADING || p->state == ABI_PROC_BORROWED) /* in the middle of an exec, or just after */
		return ABI_STARTING;
	if (p->state == ABI_PROC_UNSUPPORTED)
		return ABI_UNSUPPORTED;
	if (p->state == ABI_PROC_NOT_PYTHON)
		return ABI_NOT_PYTHON;
	return p->state == ABI_PROC_PYTHON ? ABI_OK : ABI_IDENTIFYING;
}

/* Names of code objects seen for the first time: by the task itself if it can, else right now. */
static __always_inline void send_names(struct walk *w, struct task_struct *task, u64 mm)
{
	if (!w->todo_cnt)
		return;
	/* A process that is being killed does not come back to user mode, and its memory is gone first. */
	if ((BPF_CORE_READ(task, signal, flags) & SIGNAL_GROUP_EXIT) || code_schedule(w, mm))
		code_send_now(w);
}

/* The process is one that puts code objects in the places of others: the more often, the longer it is not trusted. */
static __always_inline void recall(struct abi_proc *p, const struct walk *w)
{
	u32 shift = p->replaced < RECALL_MAX_SHIFT ? p->replaced : RECALL_MAX_SHIFT;
	struct abi_recall r = {.image_id = p->image_id};

	p->replaced++;
	p->verify_until_ns = w->sample.hdr.time_ns + (RECALL_NS << shift);
	record_header(&r.hdr, ABI_REC_RECALL, sizeof(r));
	bpf_ringbuf_output(&events, &r, sizeof(r), BPF_RB_NO_WAKEUP);
}

static __always_inline u32 take(struct scratch *s, struct task_struct *task, const struct tick *t)
{
	struct walk *w = &s->walk;
	u64 id = bpf_get_current_pid_tgid();
	u64 mm = (u64)task->mm; /* read once: the verifier looks long at each pointer member */
	u32 flags = task->flags, outcome;
	struct abi_proc *p = NULL;

	if (id >> 32 == cfg_self_tgid)
		return ABI_SELF;
	outcome = target_find(task, mm, flags, &p);
	if (outcome == ABI_NOT_TARGET)
		return outcome;
	fill_sample(w, task, id, t);
	w->image_id = w->sample.image_id = p ? p->image_id : 0;
	if (!p)
		return emit(w, outcome);
	if (!(flags & PF_EXITING) && mm && p->mm == mm)
		target_identify(p, task, s);
	outcome = process_outcome(p, mm, flags);
	if (outcome == ABI_OK)
		outcome = sample_prepare(w, p);
	if (outcome == ABI_OK)
		outcome = sample_walk(w, p);
	if (outcome == ABI_NO_GIL)
		return outcome;
	if (w->frame_cnt)
		p->has_run = 1;
	else if (p->state == ABI_PROC_PYTHON)
		target_doubt(p, t->now_ns);
	if (sample_is_cold(w, outcome)) {
		if (!cold_schedule(w, mm, outcome))
			return ABI_DEFERRED;
		w->sample.cold_addr = w->fault_addr;
	}
	outcome = emit(w, outcome);
	if (w->replaced)
		recall(p, w);
	send_names(w, task, mm);
	return outcome;
}

/* In task work, where only what needs no scratch of the tick's may be used. */
__hidden void sample_again(struct walk *w, struct abi_proc *p, u32 outcome, u64 mm)
{
	if (outcome != ABI_NO_GIL)
		outcome = emit(w, outcome);
	count(outcome, 1);
	count(ABI_DEFERRED, -1);
	if (p && w->replaced)
		recall(p, w);
	if (w->todo_cnt)
		code_schedule(w, mm); /* else at the next tick */
}

__hidden void sample_take(const struct tick *t)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u32 cpu = bpf_get_smp_processor_id();
	struct scratch *s = bpf_map_lookup_elem(&scratches, &cpu);

	count(s ? take(s, task, t) : ABI_INTERNAL, 1);
}
