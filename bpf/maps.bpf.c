/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Definitions of the maps and knobs declared in maps.bpf.h. */
#include "bpf/maps.bpf.h"

/* All records, in one order. BPF writes; session/drain reads. User space sets the size. */
struct events_map events SEC(".maps");
/* Ticks per outcome: source × ABI_OUTCOME_CNT + outcome. BPF adds; session reads, also while running. */
struct outcomes_map outcomes SEC(".maps");
/* Ticks of a process that gave no record, by source and outcome. BPF adds; session takes them out. */
struct lost_map lost SEC(".maps");
/* The sampling clock of each CPU. source/cpu.c asks for periods, BPF counts; memory-mapped. */
struct clocks_map clocks SEC(".maps");
/* Layouts by id. session adds, never changes; BPF reads. */
struct layouts_map layouts SEC(".maps");
/* Program file → interpreter. session adds; BPF reads. */
struct programs_map programs SEC(".maps");
/* Image → what user space found out. session adds; BPF takes and deletes. */
struct hints_map hints SEC(".maps");
/* Processes by tgid. BPF creates (first tick, fork), changes and deletes (exit); session adds chosen pids. */
struct procs_map procs SEC(".maps");
/* Of a chosen tree, but without room in `procs`: a bit per tgid. BPF sets (fork), clears (exit, room); session sets. */
struct unlisted_map unlisted SEC(".maps");
/* Images whose last thread has ended, by the address of their signal_struct, until they are reaped. BPF only. */
struct ended_map ended SEC(".maps");
/* What one of several is to have, where there are no atomic steps that tell: numbers of images, bits. BPF only. */
struct claims_map claims SEC(".maps");
/* Cgroups that are there and lead to the chosen ones, or are these, by id. session adds; BPF adds (mkdir), deletes (rmdir). */
struct cgroups_map cgroups SEC(".maps");
/* The names of those, in the nodes that they lie in. session adds, before sampling begins; BPF reads. */
struct cgroup_steps_map cgroup_steps SEC(".maps");
/*
 * By CPU and source: CPU × cfg_slots_per_cpu + cfg_slots[source]. BPF only. No per-CPU map: a value of those may have 32 KiB
 * at most.
 */
struct scratches_map scratches SEC(".maps");
/* The native parts of samples, as `scratches`, then as `wait_scratches`; one, unused, without --native. BPF only. */
struct natives_map natives SEC(".maps");
/* Those of gil_slots and kept_waits; one, unused, without --native. BPF only, while it has the slot. */
struct kept_natives_map kept_natives SEC(".maps");
/* Where each image's mappings are. session adds and deletes; BPF reads, and notes exec_pages. */
struct unwind_processes_map unwind_processes SEC(".maps");
/* Executable mappings, tables of what is in them, rules. session/unwind writes (memory-mapped), what is not in use; BPF reads. */
struct unwind_mappings_map unwind_mappings SEC(".maps");
struct unwind_words_map unwind_words SEC(".maps");
struct unwind_rules_map unwind_rules SEC(".maps");
/* By layout: what was seen of its evaluator. BPF only. */
struct unwind_gaps_map unwind_gaps SEC(".maps");
/*
 * Keys of code objects whose names and lines were sent. BPF writes; session takes those out that user space forgets (memory-mapped).
 * A collision costs a second record, nothing else.
 */
struct seen_map seen SEC(".maps");
/* Chains of tasks whose names were sent, and when. BPF only; as above, and sent again from time to time. */
struct tasks_seen_map tasks_seen SEC(".maps");
/* Scheduled callbacks. BPF only: taken by a tick (busy), given back by the callback. */
struct code_slots_map code_slots SEC(".maps");
/* The same for walks of cold memory. */
struct cold_slots_map cold_slots SEC(".maps");
/* Waits for the GIL. BPF only: taken by a thread that begins to wait, given back when its samples have been sent. */
struct gil_slots_map gil_slots SEC(".maps");
/* Which of these a thread has, by its number. BPF only. */
struct gil_waits_map gil_waits SEC(".maps");
/* How many threads wait for a GIL now. BPF only. */
struct gil_waiters_map gil_waiters SEC(".maps");
/* Threads of ours by tid, once they have been off the CPU. BPF only; user space reads it at the end. */
struct waits_map waits SEC(".maps");
/* Their waits that are over. BPF only: taken as the thread comes in, given back by its callback. */
struct wait_slots_map wait_slots SEC(".maps");
/* Stacks of threads that wait, where those cannot be. BPF only: taken at a thread's first wait, given back at its end. */
struct kept_waits_map kept_waits SEC(".maps");
/* Memory of those callbacks. BPF only. */
struct wait_scratches_map wait_scratches SEC(".maps");
/* Waits as the hook sees them, whatever becomes of them. BPF adds; source/offcpu.c reads. */
struct wait_counts_map wait_counts SEC(".maps");
/* By the address of an mm_struct. BPF only; source/faults.c gives it its size. */
struct growths_map growths SEC(".maps");
/* BPF adds; source/faults.c reads. */
struct fault_counts_map fault_counts SEC(".maps");

__set_before_load __u32 cfg_self_tgid = 0;
__set_before_load __u32 cfg_mode = TARGET_PIDS;
__set_before_load __u32 cfg_follow_names = 0;
__set_before_load __u32 cfg_tell_cgroups = 0;
__set_before_load __u32 cfg_max_frames = ABI_MAX_FRAMES;
__set_before_load __u64 cfg_cache_ns = 0;
__set_before_load __u64 cfg_cache_numbered_ns = 0;
__set_before_load __u64 cfg_wake_bytes = 1 << 18;
__set_before_load bool cfg_gil_only = false;
__set_before_load bool cfg_native = false;
__set_before_load bool cfg_kernel = false;
__set_before_load __u32 cfg_wait_natives = 0;
__set_before_load int cfg_hierarchy = 0;
__set_before_load __u32 cfg_cgroup_subsys = 0;
__set_before_load bool cfg_scoped = false;
__set_before_load __u32 cfg_timers_per_cpu = 1;
__set_before_load __u32 cfg_page_bytes = 4096;
__set_before_load __u32 cfg_growth_pages = 64;
__set_before_load __u32 cfg_growth_ahead = 64;
__set_before_load __u32 cfg_slots_per_cpu = 1;
__set_before_load __u32 cfg_slots[ABI_SOURCE_CNT] = {};
__set_before_load bool cfg_keep_waits = false;
#ifdef OLD_KERNEL
__set_before_load bool has_new_kernel = false;
#else
__set_before_load bool has_new_kernel = true;
#endif
__set_before_load bool cfg_gil_apart = false;
__set_before_load bool cfg_gil_ticks = false;
__set_before_load __u64 cfg_gil_period_ns = 0;
__set_before_load __u64 cfg_wait_ns = 10000000;

__u32 programs_generation = 0;
__u32 next_image_id = 0;
__u64 wait_end_ns = 0;
__u8 wait_marks[ABI_MARKS];
__u8 proc_marks[ABI_MARKS];
__u32 hotplug_steps = 0;
__u32 aside_tgid = 0;
__s32 targets_alive = 0;
__u32 exits_lost = 0;
__u32 invalidates_lost = 0;
__s32 gil_open = 0;
__u64 gil_due = 0;
__u64 gil_due_ns = 0;
__u64 clock_monotonic_ns = 0;
__u64 clock_boottime_ns = 0;
__u64 own_root_mnt = 0;
__u64 own_root_dentry = 0;
__u64 cgroups_new = 0;
__u64 cgroups_made[ABI_MAX_CGROUPS] = {};
__u64 cgroups_made_ns[ABI_MAX_CGROUPS] = {};

/* The helpers that read user memory are for GPL-compatible programs only. */
char LICENSE[] SEC("license") = "Dual MIT/GPL";
