/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * A thread that waits for a page in task work has our program and its maps wait with it, also after we are gone. So what
 * is behind a mapping is looked at first: swap and local disks answer; FUSE and userfaultfd are answered by programs, which
 * may be the target's own; network file systems, by machines. Of these, only the interpreter's own file is read.
 *
 * Another thread may put another mapping there between the look and the read. A process that was seen with memory that a
 * program answers for has nothing brought in any more, so there are few tries.
 */
#include "bpf/fault.bpf.h"

#define PAGE    4096
#define SPANS   (ABI_CODE_CHUNK / PAGE + 2) /* mappings that one read can touch */
#define S_IFMT  0170000                     /* include/uapi/linux/stat.h */
#define S_IFREG 0100000
/* include/uapi/linux/magic.h */
#define TMPFS_MAGIC     0x01021994
#define RAMFS_MAGIC     0x858458f6
#define HUGETLBFS_MAGIC 0x958458f6
#define FUSE_MAGIC      0x65735546
#define BTRFS_MAGIC     0x9123683e /* on several devices, so none is the file system's */

enum backing { BACKING_LOCAL, BACKING_REMOTE, BACKING_PROGRAM };

struct mapping {
	u64 end, inode; /* inode: its address; compared, never read through */
	u32 backing;
};

static __always_inline u32 file_backing(struct inode *inode)
{
	struct super_block *sb = BPF_CORE_READ(inode, i_sb);
	u64 magic = BPF_CORE_READ(sb, s_magic);

	if (magic == FUSE_MAGIC)
		return BACKING_PROGRAM;
	if ((BPF_CORE_READ(inode, i_mode) & S_IFMT) != S_IFREG) /* a device's memory */
		return BACKING_REMOTE;
	if (BPF_CORE_READ(sb, s_bdev) || magic == TMPFS_MAGIC || magic == RAMFS_MAGIC || magic == HUGETLBFS_MAGIC ||
	    magic == BTRFS_MAGIC)
		return BACKING_LOCAL;
	return BACKING_REMOTE;
}

/* Under the kernel's mmap_lock. */
static long look_at(struct task_struct *task, struct vm_area_struct *vma, struct mapping *m)
{
	struct inode *inode = BPF_CORE_READ(vma, vm_file, f_inode);

	m->end = BPF_CORE_READ(vma, vm_end);
	m->inode = (u64)inode;
	m->backing = inode ? file_backing(inode) : BACKING_LOCAL;
	if (bpf_core_field_exists(vma->vm_userfaultfd_ctx.ctx) && BPF_CORE_READ(vma, vm_userfaultfd_ctx.ctx))
		m->backing = BACKING_PROGRAM;
	return 0;
}

/* 0, or negative: there is none, or the lock was taken. */
static __always_inline long find_mapping(u64 addr, struct mapping *m)
{
	return bpf_find_vma(bpf_get_current_task_btf(), addr, look_at, m, 0);
}

static __always_inline bool is_interpreters(const struct abi_proc *p, u64 inode)
{
	struct mapping own = {};

	return p->runtime_addr && !find_mapping(p->runtime_addr, &own) && own.inode == inode;
}

struct span_ctx {
	struct abi_proc *p;
	struct mapping m;
	u64 end;
	u32 refused;
};

static long look_at_span(u32 i, struct span_ctx *ctx)
{
	struct mapping *m = &ctx->m;

	if (m->end >= ctx->end)
		return 1;
	if (find_mapping(m->end, m)) {
		ctx->refused = 1;
		return 1;
	}
	if (m->backing == BACKING_PROGRAM)
		set_bits(&ctx->p->flags, ABI_PROC_SILENT);
	ctx->refused =
		m->backing == BACKING_PROGRAM || (m->backing != BACKING_LOCAL && !is_interpreters(ctx->p, m->inode));
	return ctx->refused;
}

__verified_once int fault_allowed(u64 addr, u32 size)
{
	u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct abi_proc *p = bpf_map_lookup_elem(&procs, &tgid);
	struct span_ctx ctx = {.p = p, .m = {.end = addr}, .end = addr + size};

	if (!p || p->flags & ABI_PROC_SILENT)
		return 0;
	bpf_loop(SPANS, look_at_span, &ctx, 0);
	return !ctx.refused && ctx.m.end >= ctx.end;
}
