/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The kernel types the BPF side reads, kept by hand: only the fields used, all relocated at load time
 * against the running kernel's BTF (preserve_access_index), so order and size here mean nothing.
 */
#ifndef __VMLINUX_H__
#define __VMLINUX_H__

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef int pid_t;
typedef _Bool bool;
#define true  1
#define false 0
#define NULL  ((void *)0)

/* include/uapi/linux/bpf.h */
enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_RINGBUF = 27,
};
enum {
	BPF_ANY = 0,
	BPF_NOEXIST = 1,
	BPF_F_MMAPABLE = 1024,
	BPF_RB_NO_WAKEUP = 1,
	BPF_RB_FORCE_WAKEUP = 2,
	BPF_RB_AVAIL_DATA = 0,
};

#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
#endif

/* When a timer expires; the type of `node` has had two names, that of the field has not. */
struct timerqueue_node {
	__s64 expires;
};
struct hrtimer {
	struct timerqueue_node node;
};
struct block_device;
struct super_block {
	__u32 s_dev;
	unsigned long s_magic;
	struct block_device *s_bdev;
};
struct timespec64 {
	__s64 tv_sec;
	long tv_nsec;
};
struct inode {
	unsigned short i_mode;
	struct super_block *i_sb;
	unsigned long i_ino;
};
/* When its data or attributes last changed, by the names that this has had. */
struct inode___before_6_6 {
	struct timespec64 i_ctime;
};
struct inode___before_6_11 {
	struct timespec64 __i_ctime;
};
struct inode___since_6_11 {
	__s64 i_ctime_sec;
	__u32 i_ctime_nsec;
};
struct file {
	struct inode *f_inode;
	void *private_data;
};
struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};
struct files_struct {
	struct fdtable *fdt;
};
struct sock_common {
	__be16 skc_dport;
	unsigned short skc_family;
};
struct sock {
	struct sock_common __sk_common;
};
struct socket {
	struct sock *sk;
};
struct userfaultfd_ctx;
struct vm_userfaultfd_ctx {
	struct userfaultfd_ctx *ctx;
};
struct vm_area_struct {
	unsigned long vm_end;
	struct file *vm_file;
	struct vm_userfaultfd_ctx vm_userfaultfd_ctx;
};
struct mm_struct {
	unsigned long start_code, arg_start, arg_end, env_start, env_end, exec_vm;
	struct file *exe_file;
};
/* How much of it is resident: sums in pages, by kind, by the two types that this has had. */
enum { MM_FILEPAGES, MM_ANONPAGES, MM_SHMEMPAGES = 3, NR_MM_COUNTERS }; /* include/linux/mm_types_task.h */
struct percpu_counter {
	__s64 count; /* without what the CPUs have yet to add */
};
struct mm_struct___since_6_2 {
	struct percpu_counter rss_stat[NR_MM_COUNTERS];
};
struct mm_rss_stat {
	struct {
		__s64 counter;
	} count[NR_MM_COUNTERS];
};
struct mm_struct___before_6_2 {
	struct mm_rss_stat rss_stat;
};
struct task_rss_stat {
	int count[NR_MM_COUNTERS]; /* what the task has yet to add */
};
struct task_struct___before_6_2 {
	struct task_rss_stat rss_stat;
};
struct signal_struct {
	unsigned int flags;
	struct {
		int counter;
	} live;
	__u64 sum_sched_runtime;
};
struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};
struct fs_struct {
	struct path root;
};
struct thread_struct {
	unsigned long fsbase; /* x86-64 */
	struct {
		unsigned long tp_value;
	} uw; /* arm64 */
};
struct cfs_rq {
	int throttle_count; /* CONFIG_CFS_BANDWIDTH */
};
struct sched_entity {
	__u64 sum_exec_runtime;
	struct cfs_rq *cfs_rq; /* CONFIG_FAIR_GROUP_SCHED */
};
struct upid {
	int nr;
};
struct pid {
	unsigned int level;
	struct upid numbers[1]; /* by level; those beyond the first are behind */
};
struct task_struct {
	unsigned int __state; /* since 5.14 */
	unsigned int flags;
	unsigned long jobctl, nvcsw, nivcsw;
	_Bool throttled; /* since 6.18, CONFIG_CFS_BANDWIDTH */
	struct files_struct *files;
	struct sched_entity se;
	struct mm_struct *mm;
	struct fs_struct *fs;
	pid_t pid, tgid;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	__u64 start_boottime;
	struct signal_struct *signal;
	char comm[16];
	struct thread_struct thread;
	void *stack;
	struct css_set *cgroups;
};
struct task_struct___before_5_14 {
	long state;
};
struct css_set {
	struct cgroup_subsys_state *subsys[1]; /* by number of the controller */
	struct cgroup *dfl_cgrp;               /* of the version 2 hierarchy */
};
struct kernfs_node {
	const char *name;
	__u64 id;
};
struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
};
struct cgroup_root {
	int hierarchy_id;
};
struct cgroup {
	struct cgroup_subsys_state self;
	struct kernfs_node *kn;
	struct cgroup_root *root;
	int level;
	struct cgroup *ancestors[1]; /* since 6.1 */
};
struct cgroup___before_6_1 {
	u64 ancestor_ids[1];
};
struct pt_regs {
	unsigned long r15;
};
struct linux_binprm;
struct bpf_map { /* a complete type: libbpf compares kinds in kfunc prototypes */
	__u32 id;
};

#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute pop
#endif

/* Read by value, never relocated. */
struct bpf_task_work { /* include/uapi/linux/bpf.h, 6.18+ */
	__u64 __opaque;
} __attribute__((aligned(8)));
struct bpf_perf_event_data { /* include/uapi/asm/bpf_perf_event.h: the registers at the tick */
	unsigned long regs[34];
};

#endif
