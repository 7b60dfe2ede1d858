/*
 * A process image is (tgid, start time), renewed at exec. Its interpreter is recognised in the kernel by
 * the file it is mapped from, so that a process of a known build is walked from its first tick on; user
 * space is asked only about files it has not seen.
 */
#include "bpf/target.bpf.h"

#define PF_KTHREAD 0x00200000 /* include/linux/sched.h */
#define SEARCH_MAX_VMAS 4096
#define SEARCH_MAX_WAIT 1024 /* ticks between two searches in a process that seems not to be Python */

extern int bpf_iter_task_vma_new(struct bpf_iter_task_vma *it, struct task_struct *task, u64 addr) __ksym __weak;
extern struct vm_area_struct *bpf_iter_task_vma_next(struct bpf_iter_task_vma *it) __ksym __weak;
extern void bpf_iter_task_vma_destroy(struct bpf_iter_task_vma *it) __ksym __weak;

static __always_inline bool in_cgroups(void)
{
	for (u32 i = 0; i < ABI_MAX_CGROUPS; i++) {
		if (i >= cfg_cgroup_cnt)
			break;
		if (bpf_get_current_ancestor_cgroup_id(cfg_cgroup_levels[i]) == cfg_cgroup_ids[i])
			return true;
	}
	return false;
}

__hidden bool target_wanted(struct task_struct *task)
{
	u32 tgid = task->tgid;
	struct abi_proc *p;

	if ((task->flags & PF_KTHREAD) || !tgid)
		return false;
	if (cfg_mode == TARGET_ALL)
		return true;
	if (cfg_mode == TARGET_CGROUPS)
		return in_cgroups();
	p = bpf_map_lookup_elem(&procs, &tgid);
	return p && (p->flags & ABI_PROC_TARGET);
}

__hidden struct abi_proc *target_proc(struct task_struct *task)
{
	u32 tgid = task->tgid;
	struct abi_proc *p = bpf_map_lookup_elem(&procs, &tgid);

	if (!p) {
		struct abi_proc fresh = {};

		fresh.start_ns = task->group_leader->start_boottime;
		fresh.mm = (u64)task->mm;
		fresh.image_id = __sync_fetch_and_add(&next_image_id, 1) + 1;
		fresh.ppid = task->real_parent->tgid;
		bpf_map_update_elem(&procs, &tgid, &fresh, BPF_NOEXIST);
		p = bpf_map_lookup_elem(&procs, &tgid);
	}
	if (p && !p->mm) /* put there by user space, which cannot know it */
		p->mm = (u64)task->mm;
	return p;
}

static __always_inline void adopt(struct abi_proc *p, u64 runtime_addr, u32 layout_id)
{
	p->runtime_addr = runtime_addr;
	p->layout_id = layout_id;
	p->tss_key = 0;
	p->state = layout_id == ABI_LAYOUT_UNSUPPORTED ? ABI_PROC_UNSUPPORTED : ABI_PROC_PYTHON;
}

/* The first mapping of a known interpreter's file: its offset 0 is there, so the load bias follows. */
static __always_inline void search_mappings(struct abi_proc *p, struct task_struct *task, u32 *visited)
{
	struct bpf_iter_task_vma it;
	struct vm_area_struct *vma;

	bpf_iter_task_vma_new(&it, task, 0);
	/* The counter is in a map so that the verifier does not follow each of its values. */
	*visited = 0;
	while ((vma = bpf_iter_task_vma_next(&it))) {
		struct abi_interp *interp;
		struct abi_file file = {};
		struct inode *inode;

		if (++*visited > SEARCH_MAX_VMAS)
			break;
		if (!vma->vm_file || vma->vm_pgoff)
			continue;
		inode = vma->vm_file->f_inode;
		file.inode = inode->i_ino;
		file.dev = inode->i_sb->s_dev;
		interp = bpf_map_lookup_elem(&interps, &file);
		if (!interp)
			continue;
		adopt(p, vma->vm_start + interp->runtime_vaddr - interp->base_vaddr,
		      interp->layout_id);
		break;
	}
	bpf_iter_task_vma_destroy(&it);
}

static __always_inline void take_hint(struct abi_proc *p)
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

/* argv as the kernel laid it out (fs/exec.c); the process may have rewritten it, which is its right. */
static __always_inline void read_cmdline(struct abi_proc_rec *r, struct task_struct *task)
{
	u64 start = task->mm->arg_start, end = task->mm->arg_end;
	u32 n = end > start && end - start < ABI_CMDLINE ? (u32)(end - start) : ABI_CMDLINE;

	opaque(n);
	if (n > ABI_CMDLINE || end <= start)
		n = 0;
	if (n && read_user(r->cmdline, n, start))
		n = 0;
	r->cmdline_bytes = n;
}

static __always_inline void announce(struct abi_proc *p, struct task_struct *task, struct abi_proc_rec *r)
{
	u64 id = bpf_get_current_pid_tgid();

	r->hdr.size = sizeof(*r);
	r->hdr.kind = ABI_REC_PROC;
	r->hdr.cpu = bpf_get_smp_processor_id();
	r->hdr.tgid = id >> 32;
	r->hdr.tid = (u32)id;
	r->hdr.time_ns = bpf_ktime_get_ns();
	r->start_ns = p->start_ns;
	r->cgroup_id = bpf_get_current_cgroup_id();
	r->image_id = p->image_id;
	r->parent_image_id = p->parent_image_id;
	r->ppid = p->ppid;
	r->state = p->state;
	r->layout_id = p->layout_id;
	bpf_get_current_comm(r->comm, sizeof(r->comm));
	read_cmdline(r, task);
	if (!bpf_ringbuf_output(&events, r, sizeof(*r),
				p->state == ABI_PROC_UNKNOWN ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP))
		p->announced = 1;
}

__hidden void target_identify(struct abi_proc *p, struct task_struct *task, struct scratch *s)
{
	bool settled = p->state == ABI_PROC_PYTHON || p->state == ABI_PROC_UNSUPPORTED;
	u32 before = p->state;

	if (settled && p->announced)
		return;
	if (!settled)
		take_hint(p);
	settled = p->state == ABI_PROC_PYTHON || p->state == ABI_PROC_UNSUPPORTED;
	if (!settled && (p->generation != interps_generation || p->next_search == 0)) {
		if (cfg_vma_iter)
			search_mappings(p, task, &s->walk.visited);
		if (p->state == ABI_PROC_NEW)
			p->state = ABI_PROC_UNKNOWN;
		/* A library may be loaded at any time: search again, ever less often, and ask again. */
		if (!p->next_search && p->state != ABI_PROC_PYTHON && p->state != ABI_PROC_UNSUPPORTED) {
			p->misses++;
			p->next_search = p->misses < 10 ? 1u << p->misses : SEARCH_MAX_WAIT;
			p->state = ABI_PROC_UNKNOWN;
			p->announced = 0;
		}
		p->generation = interps_generation;
	} else if (p->next_search) {
		p->next_search--;
	}
	if (!p->announced || p->state != before)
		announce(p, task, &s->proc_rec);
}
