/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The kernel for ordinary C: bpf/env.bpf.h includes this under PYBPF_HOST, so that the files that BPF is made of run,
 * unchanged, in `dump` and in tests. The functions are defined by user/inspect/walker.c in the program, and by
 * tests/host/kernel.c and tests/kernel/machine.c in tests. With PYBPF_NO_MAPS the walker is alone, without any map.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/cdefs.h> /* __always_inline */
/* The header defines these itself; there is nothing to relocate. */
#undef bool
#undef NULL
#define BPF_NO_PRESERVE_ACCESS_INDEX
#include "vmlinux/vmlinux.h"
#define bool _Bool

/* ---- bpf_helpers.h ------------------------------------------------------------------------------------- */

#define SEC(name)
#define __ksym
#define __hidden __attribute__((visibility("hidden")))
/* Sizes of a map are the sizes of what these members point to, as BTF has them. */
#define __uint(name, val) int (*name)[val]
#define __type(name, val) typeof(val) *name
#define __set_before_load volatile

/* Copies all of it or gives a negative error, and then `dst` is zeros. */
long host_read_user(void *dst, u32 size, u64 addr);
#define bpf_probe_read_user(dst, size, addr) host_read_user(dst, size, (u64)(addr))
u64 host_now_ns(void);
#define bpf_ktime_get_ns() host_now_ns()

/* A macro, because each callback has a context of its own type. */
#define bpf_loop(cnt, callback, ctx, flags)                                                                            \
	({                                                                                                             \
		u32 loop_ = 0;                                                                                         \
		while (loop_ < (cnt) && !callback(loop_++, ctx))                                                       \
			;                                                                                              \
		(long)loop_;                                                                                           \
	})

/* The rest is of the kernel side alone. */
void *bpf_map_lookup_elem(void *map, const void *key);
long bpf_map_update_elem(void *map, const void *key, const void *value, u64 flags);
long bpf_map_delete_elem(void *map, const void *key);
long bpf_ringbuf_output(void *ringbuf, void *data, u64 size, u64 flags);
u64 bpf_ringbuf_query(void *ringbuf, u64 flags);
struct task_struct *bpf_get_current_task_btf(void);
#define bpf_get_current_task() ((u64)bpf_get_current_task_btf())
u64 bpf_get_current_pid_tgid(void);
u64 bpf_get_current_uid_gid(void);
u64 bpf_get_current_ancestor_cgroup_id(int level);
u64 bpf_get_current_cgroup_id(void);
long bpf_get_current_comm(void *buf, u32 size);
u32 bpf_get_smp_processor_id(void);
u32 bpf_get_prandom_u32(void);
u64 bpf_ktime_get_boot_ns(void);
long bpf_get_stack(void *ctx, void *buf, u32 size, u64 flags);
long bpf_get_task_stack(struct task_struct *task, void *buf, u32 size, u64 flags);
long bpf_copy_from_user(void *dst, u32 size, const void *addr);
long bpf_probe_read_user_str(void *dst, u32 size, const void *addr);
long bpf_probe_read_kernel(void *dst, u32 size, const void *addr);
long bpf_probe_read_kernel_str(void *dst, u32 size, const void *addr);
struct vm_area_struct *host_find_vma(struct task_struct *task, u64 addr);
#define bpf_find_vma(task, addr, callback, ctx, flags)                                                                 \
	({                                                                                                             \
		struct vm_area_struct *vma_ = host_find_vma(task, addr);                                               \
		vma_ ? (callback(task, vma_, ctx), 0) : -1;                                                            \
	})

/* ---- bpf_core_read.h, bpf_tracing.h -------------------------------------------------------------------- */

/* Members of NULL are zeros, as of whatever is not readable. */
#define host_member(p, member)          ((p) ? (p)->member : (typeof((p)->member))0)
#define host_read_1(p, a)               host_member(p, a)
#define host_read_2(p, a, b)            host_member(host_read_1(p, a), b)
#define host_read_3(p, a, b, c)         host_member(host_read_2(p, a, b), c)
#define host_read_4(p, a, b, c, d)      host_member(host_read_3(p, a, b, c), d)
#define host_read_n(a, b, c, d, n, ...) n
#define BPF_CORE_READ(p, ...)                                                                                          \
	host_read_n(__VA_ARGS__, host_read_4, host_read_3, host_read_2, host_read_1)(p, __VA_ARGS__)
#define bpf_core_field_exists(field)  1
#define bpf_core_type_size(type)      sizeof(type)
#define bpf_core_read(dst, size, src) memcpy(dst, src, size)
#define BPF_PROG(name, args...)       name(void *ctx, ##args)

/* ---- what BPF has no need of --------------------------------------------------------------------------- */

struct walk;

void user_registers(struct walk *w); /* zeros: not known */
void read_user_registers(u64 *registers, u32 bytes);
u64 host_registers_of(struct task_struct *task);
#define registers_of(task) host_registers_of(task)
#ifdef PYBPF_NO_MAPS
/* As host_read_user(), of the memory that the walk is about. */
long walk_read(const struct walk *w, void *dst, u32 size, u64 addr);
bool code_is_new(const struct walk *w, u64 key);
/* The frame of this address was stored as number `n` of the walk. */
void frame_stored(struct walk *w, u32 n, u64 frame_addr, u64 code_addr);
void frames_forgotten(struct walk *w, u32 n); /* the last ones were none */
/* Where a walk that is to (NATIVE_WANTED) notes where the C evaluator was entered. */
struct native *host_native(const struct walk *w);
#endif
