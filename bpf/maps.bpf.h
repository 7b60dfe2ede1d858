/* Every map and knob of the kernel side; maps.bpf.c says who writes and who reads each. */
#pragma once
#include "bpf/env.bpf.h"
#include "bpf/abi.h"

#define CODE_TODO_MAX ABI_MAX_FRAMES /* a whole stack may be new, and its process gone before the next tick */
#define CODE_NOW_NS   2000000 /* most time that a tick itself reads names for; the rest waits for the next one */
#define CODE_SLOTS    32  /* ticks whose names are being read in the task's own context */
#define COLD_SLOTS    16  /* ticks that are walked there … */
#define COLD_TRIES    3   /* … so many times, when it is swapped out again meanwhile */
#define SEEN_WAYS     4
#define SEEN_BUCKETS  32768

/* A code object met for the first time. */
struct code_todo {
	u64 addr, key;
};

/* Buffers for one code object's records; a data array per text so that bounds stay plain. */
struct code_buf {
	struct abi_code code;
	char data[2 * ABI_MAX_TEXT];
	struct abi_lines lines;
	char lines_data[ABI_CODE_CHUNK];
	u64 lines_addr;
	u64 block[ABI_CODE_BLOCK / 8];
};

/*
 * The code object last read at an address. Within a walk its address alone tells it, because a frame keeps it
 * alive; between walks it is trusted for a while (bpf/memo.bpf.h).
 */
#define CODE_MEMOS 1024
struct code_memo {
	u64 addr, key;
	u64 until_ns; /* till then it need not be read again */
	u32 image_id;
	u32 walk;     /* that read it last; see walk_cnt */
};
/* Pairs of neighbours are the two places of an address; a pair is a cache line. Per-CPU values have 32 KiB at most. */
struct code_memos {
	struct code_memo memo[CODE_MEMOS];
};
/* What only a reading needs of them. */
struct code_times {
	struct {
		u64 stood_ns;	/* what the ticks stand for at which it was found the same, one after another */
		u64 checked_ns; /* when it was read last */
	} time[CODE_MEMOS];
};

#define TEXT_WORDS 12 /* of a string object that are looked at: head and the first 64 bytes of text */
#define TEXT_HEAD_WORDS 4
#define TEXT_BYTES (8 * (TEXT_WORDS - TEXT_HEAD_WORDS))
#define LINES_STEP 32 /* bytes of line table hashed per step */

/*
 * Frames of one thread mostly lie one behind the other (Python 3.11 and newer: the data stack), so where the
 * last two were neighbours their page is copied up to here at once: one read for some thirty frames. It
 * begins where the page begins, because what lies before may not be mapped.
 */
#define WALK_PAGE     4096
#define WALK_WINDOW   (WALK_PAGE + ABI_FRAME_BLOCK)
#define WALK_SLACK    128
#define WALK_NEIGHBOUR 1024

/* What a walk works with and leaves behind. Lives in a per-CPU map: too big for BPF's stack. */
struct walk {
	struct abi_sample sample;
	struct abi_frame frames[ABI_MAX_FRAMES];
	u64 tstate_block[ABI_TSTATE_BLOCK / 8];
	/* target memory around the current frame; the slack lets masked offsets stay inside */
	u64 window[(WALK_WINDOW + WALK_SLACK) / 8];
	u64 window_addr; /* of its first byte in the target */
	u32 window_bytes;
	u32 at;		 /* of the current frame's block in the window */
	u64 code_block[(ABI_CODE_BLOCK + WALK_SLACK) / 8];
	u64 lines_block[(16 + ABI_LINES_PREFIX) / 8];
	u64 lines_rest[(ABI_LINES_HASHED + LINES_STEP) / 8];
	u64 lines_hash;
	u64 text_block[TEXT_WORDS];
	struct abi_py_layout layout;
	/* members from the start of their block */
	u8 frame_prev, frame_code, frame_ip, frame_owner, frame_is_entry;
	u8 code_line, code_version, code_file, code_name, code_lines;
	u64 tstate_addr, frame_addr, last_frame_addr;
	u64 entry_from; /* the frame that ran when the C evaluator was entered last … */
	u32 entry_open; /* … which the walk has not come to yet */
	u64 cframe_addr; /* of the innermost invocation of the C evaluator; 0: there are none in this layout */
	u64 registers[USER_REGISTERS]; /* where the walk looks for a start (bpf/start.bpf.h) … */
	u64 last_resort; /* … before it takes this */
	u32 start, start_tries; /* enum walk_start */
	u64 limit_ns;	/* time after which a walk is over, however deep … */
	u64 spent_ns, looked_ns; /* … what it has taken; when it looked at the clock last */
	u64 fault_addr; /* what was not readable first: of a frame or its code object, the frame */
	u32 cold;	/* something was not readable that may be swapped out */
	u64 cold_wake_ns; /* when user space was last asked to bring it in */
	u32 alone;	/* in task work, where what belongs to the CPU is not to be touched */
	u64 code_type_addr; /* PyCode_Type of this process; 0: not known */
	u32 frame_cnt, todo_cnt, visited, stop;
	u32 garbage; /* something that is no code object stood where one should */
	u32 image_id, layout_id, max_frames;
	u32 walk_cnt; /* numbers the walks, so that the memos need not be cleared */
	u64 trust_ns; /* longest time that a code object goes without being read; 0: read at each walk */
	u32 replaced; /* another code object stood where one was trusted to be */
#ifdef PYBPF_HOST
	struct code_memos memos;
	struct code_times memo_times;
#endif
	struct code_todo todo[CODE_TODO_MAX];
};

#ifndef PYBPF_HOST
struct scratch {
	struct walk walk;
	struct abi_proc_rec proc_rec;
};

/* One scheduled callback in a sampled task. */
struct code_slot {
	struct bpf_task_work work;
	u64 mm;
	u32 busy, todo_cnt, tgid, image_id, layout_id, pad;
	struct code_todo todo[CODE_TODO_MAX];
	struct code_buf buf;
};

/* One walk in a sampled task. */
struct cold_slot {
	struct bpf_task_work work;
	u64 mm;
	u32 busy, outcome;
	struct walk walk;
};

struct seen_bucket {
	u64 way[SEEN_WAYS];
};

extern struct events_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events SEC(".maps");

extern struct outcomes_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, ABI_OUTCOME_CNT);
	__type(key, u32);
	__type(value, u64);
} outcomes SEC(".maps");

extern struct lost_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ABI_MAX_LOST);
	__type(key, u64);
	__type(value, struct abi_lost);
} lost SEC(".maps");

extern struct clocks_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, ABI_MAX_CPUS);
	__type(key, u32);
	__type(value, struct abi_clock);
} clocks SEC(".maps");

extern struct layouts_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ABI_MAX_LAYOUTS);
	__type(key, u32);
	__type(value, struct abi_py_layout);
} layouts SEC(".maps");

extern struct programs_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH); /* programs come and go where software is built */
	__uint(max_entries, 1024);
	__type(key, struct abi_file);
	__type(value, struct abi_program);
} programs SEC(".maps");

extern struct hints_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ABI_MAX_PROCS);
	__type(key, u32);
	__type(value, struct abi_hint);
} hints SEC(".maps");

extern struct procs_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ABI_MAX_PROCS);
	__type(key, u32);
	__type(value, struct abi_proc);
} procs SEC(".maps");

extern struct ended_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH); /* some are never reaped */
	__uint(max_entries, 4096);
	__type(key, u64);
	__type(value, u32);
} ended SEC(".maps");

extern struct cgroups_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ABI_MAX_CGROUP_STEPS);
	__type(key, u64);
	__type(value, struct abi_cgroup_node);
} cgroups SEC(".maps");

extern struct cgroup_steps_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ABI_MAX_CGROUP_STEPS);
	__type(key, struct abi_cgroup_step);
	__type(value, struct abi_cgroup_node);
} cgroup_steps SEC(".maps");

extern struct scratches_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

extern struct code_bufs_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct code_buf);
} code_bufs SEC(".maps");

extern struct memos_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct code_memos);
} memos SEC(".maps");

extern struct memo_times_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct code_times);
} memo_times SEC(".maps");

extern struct seen_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SEEN_BUCKETS);
	__type(key, u32);
	__type(value, struct seen_bucket);
} seen SEC(".maps");

extern struct code_slots_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CODE_SLOTS);
	__type(key, u32);
	__type(value, struct code_slot);
} code_slots SEC(".maps");

extern struct cold_slots_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, COLD_SLOTS);
	__type(key, u32);
	__type(value, struct cold_slot);
} cold_slots SEC(".maps");

enum target_mode { TARGET_PIDS, TARGET_CGROUPS, TARGET_ALL };

/* Set by user space before load. */
extern const volatile __u32 cfg_self_tgid;   /* the profiler: never sampled */
extern const volatile __u32 cfg_mode;	   /* enum target_mode */
extern const volatile __u32 cfg_max_frames;
extern const volatile __u64 cfg_max_walk_ns;
extern const volatile __u64 cfg_trust_ns;    /* most time that a code object goes unread … */
extern const volatile __u64 cfg_trust_numbered_ns; /* … and one that has a number which is never used twice */
extern const volatile __u64 cfg_wake_bytes;  /* wake user space when this much waits in the ring */
extern const volatile bool cfg_gil_only;
extern const volatile bool cfg_scoped;	       /* the timers run only with a cgroup's tasks */
extern const volatile __u32 cfg_timers_per_cpu; /* ABI_MAX_CGROUPS at most */

/* Changed while running. */
extern __u32 programs_generation; /* user space: +1 whenever `programs` grew */
extern __u32 next_image_id;
extern __u32 hotplug_steps;	 /* CPUs have come or gone while this changes */
extern __s32 targets_alive;      /* chosen processes (and their trees) still alive */
extern __u64 clock_monotonic_ns, clock_boottime_ns; /* BPF, when asked (bpf/clocks.bpf.c) */
extern __u64 cgroups_made[ABI_MAX_CGROUPS]; /* BPF: times that a chosen cgroup was made anew … */
extern __u64 cgroups_made_ns[ABI_MAX_CGROUPS]; /* … and when last, CLOCK_MONOTONIC */
#endif
