/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Waits for the GIL, each with the stack of who waits and of who holds it. Both are read as the wait begins, when the
 * waiter is still the current task; both share its memory. Once it is over, it is known how long it took: it is taken with
 * probability min(1, d/T) and stands for max(d, T).
 *
 * A thread waits for an interval (5 ms), asks for the GIL, and waits again. So a wait that took an interval is followed by
 * another one at once, and who holds the GIL then is asked a second time: as the first wait began, the holder had often
 * just got it, and was about to begin what it held it for.
 */
#include "bpf/gil.bpf.h"
#include "bpf/native.bpf.h"
#include "bpf/pywalk.bpf.h"
#include "bpf/sample.bpf.h"
#include "bpf/task_work.bpf.h"
#include "bpf/tasks.bpf.h"
#include "bpf/tstate.bpf.h"

#ifdef OLD_KERNEL /* user/source/gil.c refuses it */
SEC_TRACEPOINT("sched_switch")
int BPF_PROG(gil_switch)
{
	return 0;
}
#else

#define WALK_NS         500000ull /* most that a walk takes here: nobody else is switched to meanwhile */
#define AGAIN_NS        500000ull /* a wait that follows the last one sooner is part of the same */
#define THIN_NS         250000ull /* a CPU that looks at waits more often than this, … */
#define THIN_BURST      64        /* … and has for so many, … */
#define THIN_ONE_IN     8         /* … looks at one of so many */
#define HOLDER_TRIES    3
#define WAITER_MAX      (ABI_MAX_FRAMES - GIL_FRAMES)
#define GIL_FRAMES      2 /* ABI_FRAME_GIL_… */
#define IS_WHOLE_TENTHS 9 /* of an interval: the clock is read a little after the wait's end was set */

static __always_inline u64 futex_address(struct task_struct *task)
{
	s32 number = -1;
	u64 args[2] = {};

	arch_read_call(registers_of(task), &number, args);
	return number == ARCH_CALL_FUTEX ? args[0] : 0;
}

/* ---- the end of a wait: its samples ------------------------------------------------------------------------ */

static __always_inline long send_stack(struct stack *stack, u32 at)
{
	u32 n = stack->sample.frame_cnt, size;

	opaque(n);
	if (n > ABI_MAX_FRAMES)
		n = 0;
	if (cfg_native && stack->sample.flags & ABI_SAMPLE_NATIVE)
		return native_send_kept(stack, sample_slot(ABI_SOURCE_GIL), KEPT_NATIVE_GIL + at, 0, BPF_RB_NO_WAKEUP);
	size = sizeof(stack->sample) + n * sizeof(struct abi_frame);
	stack->sample.hdr.size = size;
	return bpf_ringbuf_output(&events, stack, size, BPF_RB_NO_WAKEUP);
}

/* Of the slot with that number. */
static __always_inline void send(struct stack *stack, u32 at, u64 value)
{
	stack->sample.value = value;
	gil_sent(&stack->sample, stack->sample.outcome, send_stack(stack, at) != 0);
}

static __always_inline void name_holder(struct gil_slot *slot, const struct stack *held, u64 holder)
{
	struct abi_frame *f = slot->waiter.frames;

	f[0] = (struct abi_frame){.what = ABI_FRAME_GIL_FUNCTION};
	f[1] = (struct abi_frame){.what = ABI_FRAME_GIL_THREAD};
	if (!holder)
		return;
	f[1].code_key = held->sample.thread_ident;
	f[1].lasti = (s32)held->sample.hdr.tid;
	if (!held->sample.frame_cnt)
		return;
	f[0].code_key = held->frames[0].code_key;
	f[0].lasti = held->frames[0].lasti;
}

/* How much the wait stands for; 0: it was not drawn. */
static __always_inline u64 weight(const struct gil_slot *slot)
{
	u64 took = (slot->ended_ns - slot->began_ns) * slot->one_in, period = cfg_gil_period_ns;

	if (took >= period)
		return took;
	return bpf_get_prandom_u32() < (took << 32) / period ? period : 0;
}

static __always_inline void send_held(struct gil_slot *slot, u64 ended_ns, u64 value)
{
	slot->held.sample.hdr.time_ns = ended_ns;
	send(&slot->held, slot->index, value);
}

/* `from` has the holder's stack that counts. Where ticks tell what the GIL is held for, it only says who holds it. */
static __always_inline void finish(struct gil_slot *slot, struct gil_slot *from)
{
	u64 value = weight(slot);

	slot->pending = 0;
	if (!value)
		return;
	if (slot->wait == GIL_HELD) {
		send_held(slot, slot->ended_ns, value);
		return;
	}
	if (from->holder && !cfg_gil_ticks)
		send_held(from, slot->ended_ns, value);
	name_holder(slot, &from->held, from->holder);
	slot->waiter.sample.hdr.time_ns = slot->ended_ns;
	send(&slot->waiter, slot->index, value);
}

/* It does not wait any more. */
static __always_inline void uncount(struct gil_slot *slot)
{
	if (slot->counted)
		gil_count(slot->tgid, slot->gil_addr, -(s32)slot->counted);
	slot->counted = 0;
}

static __always_inline void release(struct gil_slot *slot, u32 tid)
{
	if (!bpf_map_delete_elem(&gil_waits, &tid))
		__sync_fetch_and_add(&gil_open, -1);
	give_back(slot);
}

static __always_inline struct gil_slot *slot_of(u32 tid)
{
	u32 *at = bpf_map_lookup_elem(&gil_waits, &tid);

	return at ? bpf_map_lookup_elem(&gil_slots, at) : NULL;
}

/* ---- its beginning: two stacks ------------------------------------------------------------------------------ */

/* A scratch's walk into one of the stacks, behind `first` entries. */
static __always_inline void keep(struct stack *stack, struct walk *w, u32 first, u32 outcome)
{
	u32 n = w->frame_cnt, most = first ? WAITER_MAX : ABI_MAX_FRAMES;

	opaque(n);
	if (n > most)
		n = most;
	stack->sample = w->sample;
	stack->sample.outcome = (u8)outcome;
	stack->sample.frame_cnt = (u16)(n + first);
	opaque(n);
	if (n <= WAITER_MAX)
		bpf_probe_read_kernel(stack->frames + first, n * sizeof(struct abi_frame), w->frames);
}

static __always_inline u32 walk_now(struct walk *w, u32 outcome)
{
	w->frame_cnt = w->todo_cnt = w->replaced = w->cold = 0;
	w->fault_addr = 0;
	w->limit_ns = WALK_NS;
	w->max_frames = cfg_max_frames < WAITER_MAX ? cfg_max_frames : WAITER_MAX;
	w->sample.tasks_key = 0;
	if (outcome == ABI_OK)
		outcome = pywalk(w);
	if (w->layout.ts_task_off && w->frame_cnt && !w->foreign)
		tasks_take(w);
	return outcome;
}

/* The holder runs meanwhile, so it is asked again where it was seen between two frames. */
static __always_inline void look_at_holder(struct scratch *s, const struct abi_proc *p, struct gil_slot *slot)
{
	struct walk *w = &s->walk;
	u64 own = w->tstate_addr, holder = gil_holder(w, slot->gil_addr);
	u32 outcome = ABI_TORN;

	slot->holder = 0;
	if (!holder || holder == own)
		return;
	w->foreign = 1;
	w->native = NATIVE_NONE; /* nobody but itself knows its registers */
	for (u32 i = 0; i < HOLDER_TRIES && outcome == ABI_TORN; i++)
		outcome = walk_now(w, tstate_take(w, p->runtime_addr, holder));
	w->foreign = 0;
	if (outcome == ABI_FAULT_TSTATE)
		return; /* it has ended just now */
	slot->holder = holder;
	w->sample.type = GIL_TYPE_HELD;
	w->sample.gil = ABI_GIL_HELD;
	w->sample.hdr.tid = gil_thread_number(w);
	w->sample.thread_start_ns = 0;
	w->sample.flags = ABI_SAMPLE_FOREIGN;
	w->sample.thread_ident = block_u64((const u8 *)w->tstate_block, ABI_TSTATE_BLOCK, w->layout.ts_thread_id_off);
	keep(&slot->held, w, 0, outcome);
	sample_names(s);
}

/* A CPU on which waits come in great numbers looks at one of several. 0: not at this one. */
static __always_inline u32 thin(struct scratch *s, u64 now_ns)
{
	u64 until = s->thin_until_ns < now_ns ? now_ns : s->thin_until_ns;
	bool many = until - now_ns > THIN_BURST * THIN_NS;

	if (many && bpf_get_prandom_u32() % THIN_ONE_IN)
		return 0;
	s->thin_until_ns = until + (many ? 0 : THIN_NS);
	return many ? THIN_ONE_IN : 1;
}

static __always_inline struct gil_slot *claim(struct scratch *s, u32 tid, const struct gil_look *found, u64 now_ns)
{
	u32 at = 0;
	struct gil_slot *slot = claim_slot_for(gil_slots, ABI_GIL_SLOTS, tid, at);

	if (!slot) {
		sample_lost(ABI_SOURCE_GIL, s->walk.sample.hdr.tgid, ABI_NO_SLOT, 1, cfg_gil_period_ns);
		__sync_fetch_and_add(&gil_due, 1);
		return NULL;
	}
	slot->index = at;
	slot->wait = found->wait;
	slot->pending = slot->counted = 0;
	slot->began_ns = now_ns;
	slot->ran_ns = member_of(current_task(), se.sum_exec_runtime);
	slot->gil_addr = found->gil;
	slot->tgid = s->walk.sample.hdr.tgid;
	return slot;
}

static __always_inline void keep_own(struct gil_slot *slot, struct scratch *s, const struct tick *t, u32 found)
{
	u32 outcome = walk_now(&s->walk, found);

	if (cfg_native) {
		sample_native(&s->walk, t);
		if (s->walk.native == NATIVE_TAKEN)
			native_keep(&s->walk, KEPT_NATIVE_GIL + slot->index);
	}
	if (slot->wait == GIL_HELD)
		keep(&slot->held, &s->walk, 0, outcome);
	else
		keep(&slot->waiter, &s->walk, GIL_FRAMES, outcome);
	sample_names(s);
}

/* Both stacks into a slot; NULL: it does not wait for the GIL, or is not looked at. */
static __always_inline struct gil_slot *look(u64 futex, u32 tid, u64 now_ns)
{
	struct tick t = {.now_ns = now_ns, .source = ABI_SOURCE_GIL, .type = GIL_TYPE_WAIT, .native = cfg_native};
	struct scratch *s = sample_scratch(ABI_SOURCE_GIL);
	struct gil_look found = {};
	struct gil_slot *slot;
	u32 one_in;

	if (!s || !gil_look(s, &t, futex, &found))
		return NULL;
	one_in = thin(s, now_ns);
	slot = one_in ? claim(s, tid, &found, now_ns) : NULL;
	if (!slot)
		return NULL;
	slot->one_in = one_in;
	slot->interval_ns = gil_interval_ns(&s->walk, found.gil);
	keep_own(slot, s, &t, found.outcome);
	look_at_holder(s, found.p, slot);
	if (slot->wait == GIL_WANTED) {
		slot->counted = one_in;
		gil_count(slot->tgid, found.gil, (s32)one_in);
	}
	return slot;
}

/* Who holds the GIL is switched away from, while so many want it. */
static __always_inline struct gil_slot *look_at_own(u32 tid, u64 now_ns)
{
	struct tick t = {.now_ns = now_ns, .source = ABI_SOURCE_GIL, .type = GIL_TYPE_HELD, .native = cfg_native};
	struct scratch *s = sample_scratch(ABI_SOURCE_GIL);
	struct gil_look found = {};
	struct gil_slot *slot;
	s32 waiting;

	if (!s || !gil_begin(s, &t, &found) || s->walk.sample.gil != ABI_GIL_HELD)
		return NULL;
	waiting = gil_waiting(s->walk.sample.hdr.tgid, found.gil);
	found.wait = GIL_HELD;
	slot = waiting > 0 ? claim(s, tid, &found, now_ns) : NULL;
	if (!slot)
		return NULL;
	slot->one_in = (u32)waiting;
	keep_own(slot, s, &t, found.outcome);
	return slot;
}

/* It has run since, and the kernel did not tell of it: how long is known, but not whether who held it is the same. */
static __always_inline void lose_unseen(const struct gil_slot *slot, struct task_struct *task)
{
	u64 gone = bpf_ktime_get_ns() - slot->began_ns, ran = member_of(task, se.sum_exec_runtime) - slot->ran_ns;
	u64 value = gone > ran ? (gone - ran) * slot->one_in : 0;

	__sync_fetch_and_add(&gil_due, 1);
	__sync_fetch_and_add(&gil_due_ns, value);
	sample_lost(ABI_SOURCE_GIL, slot->tgid, ABI_UNSEEN, 1, value);
}

/* Did the thread wait on, for what it had waited for before? */
static __always_inline bool goes_on(const struct gil_slot *before, const struct gil_slot *slot)
{
	return before->gil_addr == slot->gil_addr && slot->wait == GIL_WANTED &&
	       slot->began_ns - before->ended_ns < AGAIN_NS;
}

/* Another thread may have got it meanwhile, at any time: then either of the two is as good a guess. */
static __always_inline bool later_counts(const struct gil_slot *before, const struct gil_slot *slot)
{
	return goes_on(before, slot) && slot->holder && (slot->holder == before->holder || bpf_get_prandom_u32() % 2);
}

/* One that has been woken may be switched away from before it is back in user mode: then it waits for a CPU. */
static __always_inline void switch_out(struct task_struct *prev, bool preempt)
{
	u64 futex = preempt || !state_of(prev) || !member_of(prev, mm) ? 0 : futex_address(prev);
	u32 tid = member_of(prev, pid), at;
	bool open = gil_open > 0;
	struct gil_slot *before = open ? slot_of(tid) : NULL, *slot = NULL;

	if (!futex && !open)
		return;
	if (before)
		uncount(before);
	if (futex)
		slot = look(futex, tid, bpf_ktime_get_ns());
	else if (cfg_gil_ticks)
		slot = look_at_own(tid, bpf_ktime_get_ns());
	if (before) {
		if (before->pending)
			finish(before, slot && later_counts(before, slot) ? slot : before);
		else
			lose_unseen(before, prev);
		release(before, tid);
	}
	if (!slot)
		return;
	at = slot->index;
	if (bpf_map_update_elem(&gil_waits, &tid, &at, BPF_NOEXIST))
		give_back(slot);
	else
		__sync_fetch_and_add(&gil_open, 1);
}

static __always_inline void switch_in(struct task_struct *next)
{
	u32 tid = member_of(next, pid);
	struct gil_slot *slot = gil_open > 0 ? slot_of(tid) : NULL;

	if (!slot)
		return;
	slot->ended_ns = bpf_ktime_get_ns();
	uncount(slot);
	if (slot->wait == GIL_WANTED && slot->interval_ns &&
	    (slot->ended_ns - slot->began_ns) * 10 >= slot->interval_ns * IS_WHOLE_TENTHS) {
		slot->pending = 1;
		return;
	}
	finish(slot, slot);
	release(slot, tid);
}

SEC_TRACEPOINT("sched_switch")
int BPF_PROG(gil_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	switch_out(prev, preempt);
	switch_in(next);
	return 0;
}
#endif
