/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Off-CPU time: what a thread waits for, from the switch away from it to the switch back (kernel/sched/core.c:
 * __schedule()). How long it was is known only then, and its stack is still the same, so the thread looks at that itself
 * before it returns to user mode.
 *
 * Of waits of the length d those of T and longer are all kept, and of shorter ones each with the probability d/T, for T:
 * so each is expected to count for d, and the sum is right however many there are. T is the time between two samples.
 *
 * The hook runs at each switch of every task, with the run queue locked: what is not ours has to be left soon.
 */
#include "bpf/gil.bpf.h"
#include "bpf/native.bpf.h"
#include "bpf/record.bpf.h"
#include "bpf/sample.bpf.h"
#include "bpf/target.bpf.h"
#include "bpf/task_work.bpf.h"

/* include/linux/sched.h */
#define PF_EXITING     0x00000004
#define PF_FROZEN      0x00010000 /* up to 6.0 */
#define PF_KTHREAD     0x00200000
#define STATE_STOPPED  0x00000004  /* __TASK_STOPPED */
#define STATE_TRACED   0x00000008  /* __TASK_TRACED */
#define STATE_DEAD     0x00000080  /* TASK_DEAD */
#define STATE_FROZEN   0x00008000  /* TASK_FROZEN, since 6.1 */
#define JOBCTL_FREEZES (1ul << 23) /* include/linux/sched/jobctl.h: JOBCTL_TRAP_FREEZE */
/* include/uapi/linux/stat.h */
#define S_IFMT   0170000
#define S_IFIFO  0010000
#define S_IFBLK  0060000
#define S_IFREG  0100000
#define S_IFDIR  0040000
#define S_IFSOCK 0140000
/* include/linux/socket.h */
#define AF_INET  2
#define AF_INET6 10

static __always_inline struct abi_wait_counts *counts_here(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&wait_counts, &zero);
}

/* ---- why --------------------------------------------------------------------------------------------------- */

/* Since 6.18 a thread is throttled as it returns to user mode; before, its queue is, while it is on it. */
static __always_inline bool is_throttled(struct task_struct *task)
{
	struct cfs_rq *queue;

	if (bpf_core_field_exists(task->throttled))
		return BPF_CORE_READ(task, throttled);
	if (!bpf_core_field_exists(task->se.cfs_rq))
		return false;
	queue = BPF_CORE_READ(task, se.cfs_rq);
	return bpf_core_field_exists(queue->throttle_count) && BPF_CORE_READ(queue, throttle_count);
}

static __always_inline bool is_frozen(struct task_struct *task, u32 state)
{
	return (state & STATE_FROZEN) || (member_of(task, flags) & PF_FROZEN) ||
	       (member_of(task, jobctl) & JOBCTL_FREEZES);
}

static __always_inline u32 how(struct task_struct *task, bool preempted, u32 state, s32 call)
{
	if (preempted || !state)
		return is_throttled(task) ? ABI_WAIT_QUOTA : ABI_WAIT_CPU;
	if (state & (STATE_STOPPED | STATE_TRACED))
		return ABI_WAIT_STOPPED;
	if (is_frozen(task, state))
		return ABI_WAIT_FROZEN;
	return call < 0 ? ABI_WAIT_FAULT : ABI_WAIT_CALL;
}

static __always_inline struct file *file_of(struct task_struct *task, u32 fd)
{
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files = BPF_CORE_READ(table, fd), *file = NULL;

	if (fd < BPF_CORE_READ(table, max_fds))
		bpf_probe_read_kernel(&file, sizeof(file), files + fd);
	return file;
}

static __always_inline u16 peer_port(struct file *file)
{
	struct socket *socket = BPF_CORE_READ(file, private_data);
	struct sock *sk = BPF_CORE_READ(socket, sk);
	u32 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	if (family != AF_INET && family != AF_INET6)
		return 0;
	return __builtin_bswap16(BPF_CORE_READ(sk, __sk_common.skc_dport));
}

/* Of the current task. A socket with a timeout is waited for by a poll() of it alone (Modules/socketmodule.c). */
static __always_inline void look_at_file(struct abi_why *why, const u64 args[2])
{
	u32 fd = (u32)args[0], kind;
	struct file *file;

	if (why->wait != ABI_WAIT_CALL || !(args[0] | args[1]))
		return;
	why->fd = ABI_FD_OTHER;
	if (arch_is_poll(why->call) && (args[1] != 1 || read_user(&fd, 4, args[0])))
		return;
	file = file_of(current_task(), fd);
	if (!file)
		return;
	kind = BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT;
	if (kind == S_IFREG || kind == S_IFBLK || kind == S_IFDIR)
		why->fd = ABI_FD_FILE;
	if (kind == S_IFIFO)
		why->fd = ABI_FD_PIPE;
	if (kind != S_IFSOCK)
		return;
	why->fd = ABI_FD_SOCKET;
	why->port = peer_port(file);
}

/* ---- stacks that are kept ---------------------------------------------------------------------------------- */

static __always_inline struct kept_wait *kept_of(const struct abi_thread_wait *t, u32 tid)
{
	u32 at = t->slot - 1;
	struct kept_wait *kept = t->slot ? bpf_map_lookup_elem(&kept_waits, &at) : NULL;

	return kept && kept->busy == tid ? kept : NULL;
}

static __always_inline struct kept_wait *claim_kept(struct abi_thread_wait *t, u32 tid)
{
	u32 start = bpf_get_prandom_u32();

	for (u32 i = 0; i < 8; i++) {
		u32 at = (start + i) % KEPT_WAITS;
		struct kept_wait *kept = bpf_map_lookup_elem(&kept_waits, &at);

		if (!kept || __sync_val_compare_and_swap(&kept->busy, 0, tid))
			continue;
		t->slot = at + 1;
		return kept;
	}
	return NULL;
}

/* The thread is current still, and what it waits for cannot be read when it is over. */
static __always_inline void walk_now(struct abi_thread_wait *t, u32 tid)
{
	struct tick tick = {.now_ns = t->since_ns, .native = cfg_native};
	struct kept_wait *kept = kept_of(t, tid);

	t->outcome = ABI_NO_SLOT;
	if (!kept)
		kept = claim_kept(t, tid);
	if (!kept)
		return;
	kept->stack.sample.hdr.size = 0;
	look_at_file(&t->why, t->args);
	tick.why = t->why;
	tick.keep = t->slot;
	t->outcome = sample_keep(&tick, ABI_SOURCE_OFFCPU);
}

/* Where else it was made to leave its CPU says nothing. */
static __always_inline u32 kernel_frames(const struct abi_why *why, struct task_struct *task, u64 *out)
{
	return why->wait == ABI_WAIT_CALL || why->wait == ABI_WAIT_FAULT ? native_kernel_of(task, out) : 0;
}

static __always_inline long send_with_native(struct abi_thread_wait *t, struct kept_wait *kept,
					     struct task_struct *task)
{
	u32 slot = sample_slot(ABI_SOURCE_OFFCPU);
	struct native *n = native_of(slot);

	if (!n)
		return -1;
	return native_send_kept(&kept->stack, slot, KEPT_NATIVE_WAIT + t->slot - 1,
				kernel_frames(&t->why, task, n->kernel), record_wake_flags());
}

static __always_inline long send_stack(struct abi_thread_wait *t, struct kept_wait *kept, struct task_struct *task)
{
	u32 size = kept->stack.sample.hdr.size;

	if (cfg_native && kept->stack.sample.flags & ABI_SAMPLE_NATIVE)
		return send_with_native(t, kept, task);
	opaque(size);
	if (size > sizeof(kept->stack))
		size = 0;
	opaque(size); /* else both bounds become one, of a difference that 6.1 does not follow */
	return bpf_ringbuf_output(&events, &kept->stack, size, record_wake_flags());
}

static __always_inline void send_kept(struct abi_thread_wait *t, struct task_struct *task, u64 now, u64 value)
{
	struct kept_wait *kept = kept_of(t, member_of(task, pid));
	u32 outcome = t->outcome;

	if (outcome == ABI_BEGUN_BEFORE || outcome == ABI_NO_SLOT || !kept) {
		sample_lost(ABI_SOURCE_OFFCPU, t->tgid, outcome == ABI_BEGUN_BEFORE ? outcome : ABI_NO_SLOT, 1, value);
		return;
	}
	kept->stack.sample.value = value;
	kept->stack.sample.hdr.time_ns = now;
	if (kept->stack.sample.hdr.size && send_stack(t, kept, task))
		sample_lost(ABI_SOURCE_OFFCPU, t->tgid, ABI_RING_FULL, 1, value);
	else
		sample_count(ABI_SOURCE_OFFCPU, outcome, 1);
}

static __always_inline void forget(u32 tid)
{
	struct abi_thread_wait *t = bpf_map_lookup_elem(&waits, &tid);
	struct kept_wait *kept = t && cfg_keep_waits ? kept_of(t, tid) : NULL;

	if (kept)
		give_back(kept);
	if (t)
		bpf_map_delete_elem(&waits, &tid);
}

/* ---- out --------------------------------------------------------------------------------------------------- */

/* Not inlined: what it has on the stack is not there while a stack is walked. */
static __attribute__((noinline)) struct abi_thread_wait *new_thread(u32 tid, u32 tgid)
{
	struct abi_thread_wait fresh = {.tgid = tgid};

	wait_marks[tid % ABI_MARKS] = 1;
	bpf_map_update_elem(&waits, &tid, &fresh, BPF_NOEXIST);
	return bpf_map_lookup_elem(&waits, &tid);
}

/* It has run since, and nobody told of it: how long is known, but not where it waited. */
static __always_inline void lose_unseen(struct abi_thread_wait *t, struct abi_wait_counts *c, u64 now, u64 ran_ns)
{
	u64 gone = now - t->since_ns, ran = ran_ns - t->ran_ns, value = gone > ran ? gone - ran : 0;

	c->ended++;
	c->ended_ns += value;
	sample_lost(ABI_SOURCE_OFFCPU, t->tgid, ABI_UNSEEN, 1, value);
}

static __always_inline bool is_for_gil(const struct abi_thread_wait *t)
{
	struct tick tick = {.source = ABI_SOURCE_OFFCPU};
	struct scratch *s = sample_scratch(ABI_SOURCE_OFFCPU);
	struct gil_look found = {};

	return t->why.wait == ABI_WAIT_CALL && t->why.call == ARCH_CALL_FUTEX && s &&
	       gil_look(s, &tick, t->args[0], &found);
}

/* It is the current task still, with its memory. */
static __always_inline void go_out(struct task_struct *task, bool preempted)
{
	u32 tid = (u32)bpf_get_current_pid_tgid(), tgid, state = state_of(task);
	struct abi_wait_counts *c;
	struct abi_thread_wait *t;
	u64 ran_ns;

	if (member_of(task, flags) & PF_EXITING) {
		if (state & STATE_DEAD)
			forget(tid);
		return;
	}
	tgid = target_current();
	if (!tgid || wait_end_ns)
		return;
	c = counts_here();
	if (!c)
		return;
	c->begun++;
	t = bpf_map_lookup_elem(&waits, &tid);
	if (!t)
		t = new_thread(tid, tgid);
	if (!t) {
		c->ended++;
		sample_lost(ABI_SOURCE_OFFCPU, tgid, ABI_NO_SLOT, 1, 0);
		return;
	}
	ran_ns = BPF_CORE_READ(task, se.sum_exec_runtime);
	if (t->since_ns && t->ran_ns)
		lose_unseen(t, c, bpf_ktime_get_ns(), ran_ns);
	t->since_ns = 0;
	t->start_ns = member_of(task, start_boottime); /* user space, which may have made it, does not know */
	t->why = (struct abi_why){};
	arch_read_call(registers_of(task), &t->why.call, t->args);
	t->why.wait = how(task, preempted, state, t->why.call);
	if (is_for_gil(t)) {
		t->why.wait = ABI_WAIT_GIL;
		if (cfg_gil_apart) {
			c->begun--;
			return;
		}
	}
	t->switches = member_of(task, nvcsw) + member_of(task, nivcsw);
	t->ran_ns = ran_ns;
	t->since_ns = bpf_ktime_get_ns();
	if (!cfg_keep_waits)
		return;
	walk_now(t, tid);
	t->since_ns = bpf_ktime_get_ns(); /* what that took is in the next thread's CPU time, and ends its wait later */
}

/* ---- in ---------------------------------------------------------------------------------------------------- */

/* What the wait is to stand for; 0: others do that for it. */
static __always_inline u64 draw(u64 waited_ns)
{
	if (waited_ns >= cfg_wait_ns)
		return waited_ns;
	return (u64)bpf_get_prandom_u32() * cfg_wait_ns < waited_ns << 32 ? cfg_wait_ns : 0;
}

/* The thread has not been in user mode since a wait of the same kind: that one's sample has the same stack. */
static __always_inline bool join(const struct abi_thread_wait *t, u32 tid, u64 value)
{
	u32 at = t->slot - 1;
	struct wait_slot *slot = t->slot ? bpf_map_lookup_elem(&wait_slots, &at) : NULL;

	if (!slot || slot->busy != tid || slot->closing || slot->why.wait != t->why.wait ||
	    slot->why.call != t->why.call || slot->args[0] != t->args[0])
		return false;
	slot->value += value;
	return true;
}

static __always_inline bool leave_to_thread(struct abi_thread_wait *t, struct task_struct *task, u64 now, u64 value)
{
	u32 tid = member_of(task, pid), at = 0;
	struct wait_slot *slot = HAS_TASK_WORK ? claim_slot_for(wait_slots, WAIT_SLOTS, tid, at) : NULL;

	if (!slot)
		return false;
	t->slot = at + 1;
	slot->closing = 0;
	slot->now_ns = now;
	slot->value = value;
	slot->args[0] = t->args[0];
	slot->args[1] = t->args[1];
	slot->why = t->why;
	slot->tgid = t->tgid;
	slot->kernel_cnt = kernel_frames(&t->why, task, slot->kernel);
	if (!task_work_wait(slot, task))
		return true;
	give_back(slot);
	return false;
}

static __always_inline void come_in(struct task_struct *task)
{
	u32 tid = member_of(task, pid);
	struct abi_wait_counts *c;
	struct abi_thread_wait *t;
	u64 now, value;

	if (!wait_marks[tid % ABI_MARKS])
		return;
	t = bpf_map_lookup_elem(&waits, &tid);
	c = counts_here();
	if (!t || !t->since_ns || !c)
		return;
	now = bpf_ktime_get_ns();
	if (wait_end_ns && now > wait_end_ns)
		now = wait_end_ns > t->since_ns ? wait_end_ns : t->since_ns;
	value = now - t->since_ns;
	t->since_ns = 0;
	c->ended++;
	c->ended_ns += value;
	value = draw(value);
	if (cfg_keep_waits && value) {
		send_kept(t, task, now, value);
		return;
	}
	if (!value || join(t, tid, value))
		sample_count(ABI_SOURCE_OFFCPU, ABI_STOOD_FOR, 1);
	else if (leave_to_thread(t, task, now, value))
		sample_count(ABI_SOURCE_OFFCPU, ABI_DEFERRED, 1);
	else
		sample_lost(ABI_SOURCE_OFFCPU, t->tgid, ABI_NO_SLOT, 1, value);
}

SEC_TRACEPOINT("sched_switch")
int BPF_PROG(offcpu_switch, bool preempted, struct task_struct *prev, struct task_struct *next)
{
	if (!(member_of(prev, flags) & PF_KTHREAD))
		go_out(prev, preempted);
	if (!(member_of(next, flags) & PF_KTHREAD))
		come_in(next);
	return 0;
}

/* In the thread itself. What it waits for here is not joined to the wait that it looks at. */
__hidden void wait_walk(struct wait_slot *slot)
{
	struct tick t = {.source = ABI_SOURCE_OFFCPU, .native = cfg_native};
	u32 at = 0;
	struct wait_scratch *scratch =
		claim_slot_for(wait_scratches, WAIT_SCRATCHES, (u32)bpf_get_current_pid_tgid(), at);

	slot->closing = 1;
	t.now_ns = slot->now_ns;
	t.value = slot->value;
	t.why = slot->why;
	sample_count(ABI_SOURCE_OFFCPU, ABI_DEFERRED, -1);
	if (scratch) {
		look_at_file(&t.why, slot->args);
		scratch->s.walk.slot = cfg_wait_natives + at;
		t.kernel_cnt = native_put_kernel(scratch->s.walk.slot, slot->kernel, slot->kernel_cnt);
		sample_in(&scratch->s, &t);
		give_back(scratch);
	} else {
		sample_lost(ABI_SOURCE_OFFCPU, slot->tgid, ABI_NO_SLOT, 1, t.value);
	}
	give_back(slot);
}
