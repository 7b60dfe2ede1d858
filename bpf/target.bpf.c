/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * A process image is (tgid, start time), renewed at exec. Its interpreter is recognised in the kernel by
 * the program's file, so that a process of a known program is walked from its first tick on; user space
 * is asked only about programs it has not seen, and those that load Python in other ways.
 */
#include "bpf/target.bpf.h"
#include "bpf/cgroups.bpf.h"
#include "bpf/record.bpf.h"

#define PF_EXITING   0x00000004 /* include/linux/sched.h */
#define PF_KTHREAD   0x00200000
#define ASK_EAGER    8             /* user space is asked again at the first ticks of a process … */
#define ASK_MAX_WAIT 1024          /* … and ever more rarely in one that seems not to be Python … */
#define DOUBT_NS     1000000000ull /* an interpreter should have started by then; each time twice as long … */
#define DOUBT_SHIFTS 6             /* … up to a minute */
#define ASK_APART_NS                                                                                                   \
	2000000ull /* … but each time that user space could answer, however often there is something to sample … */
#define ASK_CODE_NS 100000000ull /* … but soon when it has mapped more code, which may be a library */

/* By what needs no entry in `procs`, or the one that is there. */
static __always_inline bool is_target(u32 tgid, u32 flags, const struct abi_proc *p)
{
	if ((flags & PF_KTHREAD) || !tgid || (cfg_mode == TARGET_CGROUPS && !cgroups_hold_current()))
		return false;
	return cfg_mode != TARGET_PIDS || (p ? p->flags & ABI_PROC_TARGET : target_is_unlisted(tgid));
}

__hidden u32 target_current(void)
{
	struct task_struct *task = current_task();
	u32 tgid = bpf_get_current_pid_tgid() >> 32;
	const struct abi_proc *p;

	if (cfg_mode == TARGET_PIDS && !proc_marks[tgid % ABI_MARKS])
		return 0;
	p = cfg_mode == TARGET_PIDS ? bpf_map_lookup_elem(&procs, &tgid) : NULL;
	return tgid != cfg_self_tgid && tgid != aside_tgid && is_target(tgid, member_of(task, flags), p) ? tgid : 0;
}

static __always_inline struct abi_proc *new_proc(struct task_struct *task, u64 mm, u32 tgid)
{
	struct abi_proc fresh = {};

	fresh.start_ns = BPF_CORE_READ(task, group_leader, start_boottime);
	fresh.mm = mm;
	fresh.image_id = new_image_id();
	fresh.cpu_ns = ABI_UNKNOWN_NS;
	fresh.ppid = BPF_CORE_READ(task, real_parent, tgid);
	if (cfg_mode == TARGET_PIDS)
		fresh.flags = ABI_PROC_TARGET | ABI_PROC_TREE | ABI_PROC_COUNTED;
	if (!bpf_map_update_elem(&procs, &tgid, &fresh, BPF_NOEXIST))
		target_relist(tgid);
	return bpf_map_lookup_elem(&procs, &tgid);
}

__hidden u32 target_find(struct task_struct *task, u64 mm, u32 flags, struct abi_proc **out)
{
	u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct abi_proc *p;

	p = bpf_map_lookup_elem(&procs, &tgid);
	if (!is_target(tgid, flags, p))
		return ABI_NOT_TARGET;
	if (!p && (flags & PF_EXITING))
		return ABI_EXITING; /* it was forgotten already, and must not come into being again */
	if (!p)
		p = new_proc(task, mm, tgid);
	if (!p)
		return ABI_PROC_TABLE_FULL;
	if (!p->mm) /* put there by user space, which cannot know it */
		p->mm = mm;
	*out = p;
	return ABI_OK;
}

static __always_inline void adopt(struct abi_proc *p, u64 runtime_addr, u32 layout_id)
{
	p->runtime_addr = runtime_addr;
	p->layout_id = layout_id;
	p->tss_key = 0;
	p->state = layout_id == ABI_LAYOUT_UNSUPPORTED ? ABI_PROC_UNSUPPORTED : ABI_PROC_PYTHON;
}

/*
 * A library's place shows in an address that the loader has put into the program. While lazy binding has
 * not set it yet, it points somewhere else, at another place in its page (user/symbol/elf_imports.c).
 */
static __always_inline u64 find_runtime(const struct abi_program *g, u64 bias)
{
	u64 target = 0;

	if (!g->import_slot)
		return bias + g->runtime_vaddr;
	if (read_user(&target, 8, bias + g->import_slot) || !target || (target - g->import_symbol) & 0xfff)
		return 0;
	return target - g->import_symbol + g->runtime_vaddr;
}

/* As stat() tells it: the nanoseconds' top bit is the kernel's own (6.13+, fs/inode.c I_CTIME_QUERIED). */
static __always_inline u64 inode_changed_ns(struct inode *inode)
{
	struct inode___before_6_6 *oldest = (void *)inode;
	struct inode___before_6_11 *old = (void *)inode;
	struct inode___since_6_11 *new = (void *)inode;
	u64 sec, nsec;

	if (bpf_core_field_exists(new->i_ctime_sec)) {
		sec = BPF_CORE_READ(new, i_ctime_sec);
		nsec = BPF_CORE_READ(new, i_ctime_nsec);
	} else if (bpf_core_field_exists(old->__i_ctime)) {
		sec = BPF_CORE_READ(old, __i_ctime.tv_sec);
		nsec = BPF_CORE_READ(old, __i_ctime.tv_nsec);
	} else {
		sec = BPF_CORE_READ(oldest, i_ctime.tv_sec);
		nsec = BPF_CORE_READ(oldest, i_ctime.tv_nsec);
	}
	return sec * 1000000000ull + (nsec & 0x7fffffff);
}

static __always_inline struct abi_file program_file(struct task_struct *task)
{
	struct inode *inode = BPF_CORE_READ(task, mm, exe_file, f_inode);
	struct abi_file file = {};

	file.inode = BPF_CORE_READ(inode, i_ino);
	file.changed_ns = inode_changed_ns(inode);
	file.dev = BPF_CORE_READ(inode, i_sb, s_dev);
	return file;
}

static __always_inline void look_up_program(struct abi_proc *p, struct task_struct *task)
{
	struct abi_file file = program_file(task);
	struct abi_program *g;
	u64 runtime_addr;

	g = bpf_map_lookup_elem(&programs, &file);
	if (!g)
		return;
	if (g->layout_id == ABI_LAYOUT_NONE) {
		set_bits(&p->flags, ABI_PROC_PLAIN);
		return;
	}
	runtime_addr = find_runtime(g, BPF_CORE_READ(task, mm, start_code) - g->start_code);
	if (runtime_addr)
		adopt(p, runtime_addr, g->layout_id);
	else
		p->state = ABI_PROC_LOADING;
}

__hidden void target_show_program(struct task_struct *task)
{
	struct abi_program_rec r = {.program = program_file(task)};

	if (bpf_map_lookup_elem(&programs, &r.program))
		return;
	record_header(&r.hdr, ABI_REC_PROGRAM, sizeof(r));
	bpf_ringbuf_output(&events, &r, sizeof(r), BPF_RB_FORCE_WAKEUP);
}

static __always_inline void read_hint(struct abi_proc *p)
{
	u32 id = p->image_id;
	struct abi_hint *h = bpf_map_lookup_elem(&hints, &id);

	if (!h)
		return;
	if (h->state == ABI_PROC_PYTHON)
		adopt(p, h->runtime_addr, h->layout_id);
	else
		p->state = (u16)h->state;
	bpf_map_delete_elem(&hints, &id);
}

/*
 * As get_mm_cmdline() in fs/proc/base.c. A process may have rewritten its argv, which is its right: a title that is
 * longer goes on in the place of the environment, which shows in its not ending where argv did.
 */
static __always_inline bool is_long_title(struct task_struct *task, u64 end)
{
	u64 env_start = BPF_CORE_READ(task, mm, env_start);
	char last = 0;

	return env_start == end && BPF_CORE_READ(task, mm, env_end) > env_start && !read_user(&last, 1, end - 1) &&
	       last;
}

static __always_inline void read_cmdline(struct abi_proc_rec *r, struct task_struct *task)
{
	u64 start = BPF_CORE_READ(task, mm, arg_start), end = BPF_CORE_READ(task, mm, arg_end);
	bool title = end > start && is_long_title(task, end);
	long got;
	u32 n;

	if (title)
		end = BPF_CORE_READ(task, mm, env_end);
	n = end > start && end - start < ABI_CMDLINE ? (u32)(end - start) : ABI_CMDLINE;
	opaque(n);
	if (n > ABI_CMDLINE || end <= start)
		n = 0;
	if (n && title) {
		got = bpf_probe_read_user_str(r->cmdline, n, (const void *)start);
		n = got > 0 ? (u32)got : 0;
	} else if (n && read_user(r->cmdline, n, start)) {
		n = 0;
	}
	r->cmdline_bytes = n;
}

/* The same directory of the same mount: what is mounted is then the same, too. */
static __always_inline bool has_own_root(struct task_struct *task)
{
	return BPF_CORE_READ(task, fs, root.dentry) == (void *)own_root_dentry &&
	       BPF_CORE_READ(task, fs, root.mnt) == (void *)own_root_mnt;
}

/* include/linux/pid.h: a number for each PID namespace, from the first one in. */
static __always_inline u32 inner_pid(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, group_leader, thread_pid);
	u32 level = BPF_CORE_READ(pid, level), size = bpf_core_type_size(struct upid);
	int nr = 0;

	if (!level || bpf_probe_read_kernel(&nr, sizeof(nr), (void *)&pid->numbers + (u64)level * size))
		return 0;
	return (u32)nr;
}

static __always_inline void announce(struct abi_proc *p, struct task_struct *task, struct abi_proc_rec *r)
{
	record_header(&r->hdr, ABI_REC_PROC, sizeof(*r));
	r->start_ns = p->start_ns;
	r->runtime_addr = p->runtime_addr;
	r->cpu_ns = p->cpu_ns;
	r->image_id = p->image_id;
	r->parent_image_id = p->parent_image_id;
	r->ppid = p->ppid;
	r->cgroup_id = bpf_get_current_cgroup_id();
	r->inner_pid = inner_pid(task);
	r->state = p->state;
	r->layout_id = p->layout_id;
	r->program = program_file(task);
	r->flags = has_own_root(task) ? ABI_PROC_OWN_ROOT : 0;
	r->uid = (u32)bpf_get_current_uid_gid();
	r->gid = bpf_get_current_uid_gid() >> 32;
	bpf_get_current_comm(r->comm, sizeof(r->comm));
	r->cmdline_bytes = 0;
	if (p->state != ABI_PROC_BORROWED)
		read_cmdline(r, task);
	if (!bpf_ringbuf_output(&events, r, sizeof(*r),
				p->state == ABI_PROC_UNKNOWN ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP))
		p->announced = ABI_ANNOUNCED;
}

static __always_inline bool is_settled(const struct abi_proc *p)
{
	return p->state == ABI_PROC_PYTHON || p->state == ABI_PROC_UNSUPPORTED;
}

/* Its thread pointer is that of the parent's thread that waits for it: the stack found there would be the parent's. */
static __always_inline bool borrows_memory(struct task_struct *task)
{
	return BPF_CORE_READ(task, real_parent, mm) == member_of(task, mm);
}

static __always_inline u64 exec_pages(struct task_struct *task)
{
	return BPF_CORE_READ(task, mm, exec_vm);
}

static __always_inline bool is_due(const struct abi_proc *p, u32 wait, struct task_struct *task, u64 now)
{
	return !wait || p->generation != programs_generation ||
	       (now - p->looked_ns > ASK_CODE_NS && p->exec_pages != exec_pages(task));
}

/* Of a timer's ticks this is not asked: their rate was chosen. */
static __always_inline bool is_too_soon(const struct abi_proc *p, const struct walk *w, u64 now)
{
	return !w->cpu_ns && p->generation == programs_generation && now - p->looked_ns < ASK_APART_NS;
}

/*
 * A library may be loaded at any time, so the question is never settled for good, it is only asked more and
 * more rarely.
 */
static __always_inline void look(struct abi_proc *p, struct task_struct *task, u64 now)
{
	if (borrows_memory(task)) {
		p->state = ABI_PROC_BORROWED;
		return;
	}
	if (p->state == ABI_PROC_NEW || p->state == ABI_PROC_BORROWED)
		p->state = ABI_PROC_UNKNOWN;
	if (!p->doubts) /* else the program's is the one that does not run */
		look_up_program(p, task);
	p->generation = programs_generation;
	p->exec_pages = exec_pages(task);
	p->looked_ns = now;
	if (is_settled(p) || (p->state == ABI_PROC_LOADING && ++p->misses < ASK_EAGER * ASK_EAGER))
		return;
	p->misses++;
	p->wait = p->misses < ASK_EAGER ? 0 : 1u << ((p->misses - ASK_EAGER) & 15);
	if (p->misses >= ASK_EAGER + 10)
		p->wait = ASK_MAX_WAIT;
	p->state = ABI_PROC_UNKNOWN;
	p->announced = 0;
}

__hidden void target_doubt(struct abi_proc *p, u64 now)
{
	u32 shift = p->doubts < DOUBT_SHIFTS ? p->doubts : DOUBT_SHIFTS;

	if (p->has_run || now - p->looked_ns < DOUBT_NS << shift)
		return;
	p->looked_ns = now;
	p->doubts = (u16)(shift + 1);
	p->state = ABI_PROC_UNKNOWN;
	p->wait = 0;
}

__hidden void target_identify(struct abi_proc *p, struct task_struct *task, struct scratch *s)
{
	u64 now = s->walk.sample.hdr.time_ns;
	u32 before = p->state;

	if (is_settled(p) && p->announced == ABI_ANNOUNCED)
		return;
	if (!is_settled(p))
		read_hint(p);
	if (!is_settled(p) && !is_too_soon(p, &s->walk, now)) {
		u32 wait = p->wait; /* read once: another tick, here or elsewhere, may take it down to 0 meanwhile */

		opaque(wait);
		if (is_due(p, wait, task, now))
			look(p, task, now);
		else
			p->wait = wait - 1;
	}
	/* A program that is loading its interpreter is told of when it has. */
	if (p->state != ABI_PROC_LOADING && (p->announced != ABI_ANNOUNCED || p->state != before))
		announce(p, task, &s->proc_rec);
}
