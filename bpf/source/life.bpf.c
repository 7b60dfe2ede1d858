/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Births, execs and deaths of processes. A forked child inherits its parent's entry here, in the kernel,
 * before it runs: its first tick is walked. Nothing is sent for a process that was never sampled.
 */
#include "bpf/record.bpf.h"
#include "bpf/target.bpf.h"

static __always_inline bool is_known(const struct abi_proc *p)
{
	return p->announced || (p->flags & ABI_PROC_MET);
}

static __always_inline void send_exit(struct abi_proc *p)
{
	struct abi_exit e = {};

	if (!is_known(p))
		return;
	record_header(&e.hdr, ABI_REC_EXIT, sizeof(e));
	e.image_id = p->image_id;
	if (bpf_ringbuf_output(&events, &e, sizeof(e), BPF_RB_NO_WAKEUP))
		__sync_fetch_and_add(&exits_lost, 1);
}

/* One that is lost leaves the clock unknown. */
static __always_inline void send_cpu(struct task_struct *task, u32 image_id, u64 cpu_ns)
{
	struct abi_cpu_rec r = {.cpu_ns = cpu_ns, .image_id = image_id};

	record_header(&r.hdr, ABI_REC_CPU, sizeof(r));
	r.hdr.tgid = r.hdr.tid = member_of(task, tgid);
	bpf_ringbuf_output(&events, &r, sizeof(r), BPF_RB_NO_WAKEUP);
}

static __always_inline void forget_interpreter(struct abi_proc *p)
{
	p->runtime_addr = 0;
	p->layout_id = p->tss_key = 0;
	p->state = ABI_PROC_NEW;
	p->generation = p->misses = p->wait = p->replaced = 0;
	p->has_run = p->doubts = 0;
	p->verify_until_ns = 0;
}

/* Its ticks are counted as lost for want of room, until there is some. */
static __always_inline void bear_unlisted(u32 tgid)
{
	target_unlist(tgid);
	__sync_fetch_and_add(&targets_alive, 1);
}

SEC_TRACEPOINT("sched_process_fork")
int BPF_PROG(life_fork, struct task_struct *parent, struct task_struct *child)
{
	u32 parent_tgid = member_of(parent, tgid), tgid = member_of(child, tgid);
	struct abi_proc *p;
	struct abi_proc born;

	if (member_of(child, pid) != member_of(child, tgid))
		return 0;
	p = bpf_map_lookup_elem(&procs, &parent_tgid);
	if (!p && target_is_unlisted(parent_tgid))
		bear_unlisted(tgid);
	if (!p || (cfg_mode == TARGET_PIDS && !(p->flags & ABI_PROC_TREE)))
		return 0;
	born = *p;
	born.start_ns = member_of(child, start_boottime);
	born.mm = (u64)member_of(child, mm);
	born.parent_image_id = p->image_id;
	born.image_id = new_image_id();
	born.ppid = parent_tgid;
	born.announced = 0;
	born.flags &= ~ABI_PROC_MET;
	born.cpu_ns = 0;
	if (member_of(child, mm) == member_of(parent, mm)) /* what it runs shows when it execs */
		forget_interpreter(&born);
	if (born.flags & ABI_PROC_TREE)
		born.flags |= ABI_PROC_TARGET | ABI_PROC_COUNTED;
	proc_marks[tgid % ABI_MARKS] = 1;
	if (bpf_map_update_elem(&procs, &tgid, &born, BPF_ANY)) {
		if (born.flags & ABI_PROC_COUNTED) /* others are met at their first tick */
			bear_unlisted(tgid);
	} else if (born.flags & ABI_PROC_COUNTED) {
		__sync_fetch_and_add(&targets_alive, 1);
	}
	return 0;
}

SEC_TRACEPOINT("sched_process_exec")
int BPF_PROG(life_exec, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	u32 tgid = member_of(task, tgid);
	struct abi_proc *p = bpf_map_lookup_elem(&procs, &tgid);
	u64 cpu_ns;

	if (!p)
		return 0;
	/* The other threads are gone (fs/exec.c: de_thread), and their time is in the sum. */
	cpu_ns = BPF_CORE_READ(task, signal, sum_sched_runtime) + member_of(task, se.sum_exec_runtime);
	send_exit(p);
	if (is_known(p))
		send_cpu(task, p->image_id, cpu_ns);
	p->cpu_ns = cpu_ns;
	p->parent_image_id = 0;
	p->image_id = new_image_id();
	p->mm = (u64)member_of(task, mm);
	p->announced = 0;
	p->flags &= ~(ABI_PROC_MET | ABI_PROC_SILENT | ABI_PROC_PLAIN);
	forget_interpreter(p);
	target_show_program(task);
	return 0;
}

/* Threads that end at the same time may all see that none is left; who removes the entry tells of it. */
SEC_TRACEPOINT("sched_process_exit")
int BPF_PROG(life_exit, struct task_struct *task)
{
	u32 tgid = member_of(task, tgid);
	u64 signal = (u64)member_of(task, signal);
	struct abi_proc *p;
	struct abi_proc last;

	if (BPF_CORE_READ(task, signal, live.counter))
		return 0; /* other threads live on */
	p = bpf_map_lookup_elem(&procs, &tgid);
	if (!p && target_relist(tgid))
		__sync_fetch_and_add(&targets_alive, -1);
	if (!p)
		return 0;
	last = *p;
	if (bpf_map_delete_elem(&procs, &tgid))
		return 0;
	send_exit(&last);
	if (is_known(&last))
		bpf_map_update_elem(&ended, &signal, &last.image_id, BPF_ANY);
	if (last.flags & ABI_PROC_COUNTED)
		__sync_fetch_and_add(&targets_alive, -1);
	return 0;
}

/*
 * A thread's time is added to its process's when it is reaped (kernel/exit.c: __exit_signal), the leader's last of all; and
 * the scheduler's note of it is right by then, which it is not yet while a task exits.
 */
SEC_TRACEPOINT("sched_process_free")
int BPF_PROG(life_free, struct task_struct *task)
{
	u64 signal = (u64)member_of(task, signal);
	u32 *image_id;

	if (member_of(task, pid) != member_of(task, tgid))
		return 0;
	image_id = bpf_map_lookup_elem(&ended, &signal);
	if (!image_id)
		return 0;
	send_cpu(task, *image_id, BPF_CORE_READ(task, signal, sum_sched_runtime));
	bpf_map_delete_elem(&ended, &signal);
	return 0;
}
