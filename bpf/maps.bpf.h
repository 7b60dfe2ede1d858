/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Every map and knob of the kernel side; maps.bpf.c says who writes and who reads each. */
#pragma once
#include "bpf/env.bpf.h"
#include "bpf/abi.h"

#define CODE_TODO_MAX   ABI_MAX_FRAMES /* a whole stack may be new, and its process gone before the next tick */
#define CODE_NOW_NS     2000000 /* most time that a tick itself reads names for; the rest waits for the next one */
#define CODE_SLOTS      32      /* ticks whose names are being read in the task's own context */
#define COLD_SLOTS      16      /* ticks that are walked there … */
#define COLD_TRIES      3       /* … so many times, when it is not all there after that, … */
#define COLD_TRIES_MOST 16      /* … or so many, when it had come and was swapped out again meanwhile */
#define WAIT_THREADS    32768   /* threads whose waits are followed */
#define WAIT_SLOTS      1024    /* waits that are over, and whose threads have yet to look at their stacks … */
#define KEPT_WAITS      1024    /* threads whose stacks are kept while they wait, without task work */
#define WAIT_SCRATCHES  16      /* … and threads that do so now */
#define TASKS_SEEN      8192
#define TASK_STEPS      64 /* futures that are looked at for one sample: tasks, and what they await one another by */

/* A code object met for the first time, and the globals of the frame that it was met in. */
struct code_todo {
	u64 addr, key, globals_addr;
};

#define MODULE_WORDS 9 /* bpf/module.bpf.h */

/* Buffers for one code object's records; a data array per text so that bounds stay plain. */
struct code_buf {
	struct abi_code code;
	char data[3 * ABI_MAX_TEXT];
	struct abi_lines lines;
	char lines_data[ABI_CODE_CHUNK];
	u64 lines_addr;
	u32 lines_sent, pad;
	u64 block[ABI_CODE_BLOCK / 8];
	u64 entries[MODULE_WORDS]; /* of the globals, the first ones */
};

/*
 * The code object last read at an address. Within a walk its address alone tells it, because a frame keeps it
 * alive; between walks it is cached for a while (bpf/memo.bpf.h).
 */
#define CODE_MEMOS 1024
struct code_memo {
	u64 addr, key;
	u64 until_ns; /* till then it need not be read again */
	u32 image_id;
	u32 walk; /* that read it last; see walk_cnt */
};
/* Pairs of neighbours are the two slots of an address. */
struct code_memos {
	struct code_memo memo[CODE_MEMOS];
	struct {                 /* what only a reading needs of them */
		u64 verified_ns; /* what the ticks stand for at which it was found the same, one after another */
		u64 checked_ns;  /* when it was read last */
	} time[CODE_MEMOS];
};

#define TEXT_WORDS      12 /* of a string object that are looked at: head and the first 64 bytes of text */
#define TEXT_HEAD_WORDS 4
#define TEXT_BYTES      (8 * (TEXT_WORDS - TEXT_HEAD_WORDS))
#define LINES_START     (16 + ABI_LINES_PREFIX) /* size and hash, then the table's first bytes */
#define LINES_STEP      32                      /* bytes of line table hashed per step */

/*
 * Frames of one thread mostly lie one behind the other (Python 3.11 and newer: the data stack), so where the
 * last two were neighbours their page is copied up to here at once: one read for some thirty frames. It
 * begins where the page begins, because what lies before may not be mapped.
 */
#define WALK_PAGE      4096
#define WALK_BUFFER    (WALK_PAGE + ABI_FRAME_BLOCK)
#define WALK_SLACK     128
#define WALK_NEIGHBOUR 1024

/* The frame that ran when the C evaluator was entered last: has the walk come to it? */
enum walk_entry {
	ENTRY_FOUND,     /* it has, or is not asked */
	ENTRY_OPEN,      /* not yet */
	ENTRY_DELEGATED, /* not yet, but to a generator of the same invocation */
};

/* With --native: has the sample native frames? */
enum walk_native {
	NATIVE_NONE,
	NATIVE_WANTED, /* the walk notes where the C evaluator was entered, in `natives` by its slot */
	NATIVE_TAKEN,
};

/* Where a task has what it is called by. */
struct task_source {
	u64 name, coroutine;
};

/* State and result of a walk. Lives in a map: too big for BPF's stack. */
struct walk {
	struct abi_sample sample;
	struct abi_frame frames[ABI_MAX_FRAMES];
	u64 tstate_block[ABI_TSTATE_BLOCK / 8];
	/* target memory around the current frame; the slack lets masked offsets stay inside */
	u64 buffer[(WALK_BUFFER + WALK_SLACK) / 8];
	u64 buffer_addr; /* of its first byte in the target */
	u32 buffer_bytes;
	u32 at; /* of the current frame's block in the buffer */
	u64 code_block[(ABI_CODE_BLOCK + WALK_SLACK) / 8];
	u64 lines_block[(LINES_START + ABI_LINES_PREFIX) / 8];
	u64 lines_rest[(ABI_LINES_HASHED + LINES_STEP) / 8];
	u64 lines_hash;
	u64 text_block[TEXT_WORDS + TEXT_BYTES / 8];
	struct abi_py_layout layout;
	/* members from the start of their block */
	u8 frame_prev, frame_code, frame_ip, frame_owner, frame_is_entry, frame_globals, frame_object, frame_func,
		frame_copy, frame_bytes;
	u8 code_line, code_version, code_file, code_name, code_lines, code_flags;
	u8 compiled; /* the frame at hand: no evaluator runs it */
	u64 tstate_addr, frame_addr, last_frame_addr;
	u64 entry_from;  /* the frame that ran when the C evaluator was entered last … */
	u32 entry_open;  /* enum walk_entry: has the walk come to it? */
	u32 collecting;  /* the thread collects garbage, above its innermost frame or one that that called */
	u64 cframe_addr; /* of the innermost invocation of the C evaluator; 0: there are none in this layout */
	u64 registers[ARCH_USER_REGISTERS]; /* where the walk looks for a start (bpf/start.bpf.h) … */
	u64 last_resort;                    /* … before it takes this */
	u32 start, start_tries;             /* enum walk_start */
	u64 limit_ns;                       /* time after which a walk is over, however deep … */
	u64 spent_ns, looked_ns;            /* … what it has taken; when it looked at the clock last */
	u64 fault_addr;                     /* what was not readable first: of a frame or its code object, the frame */
	u32 cold;                           /* something was not readable that may be swapped out */
	u64 cold_wake_ns;                   /* when user space was last asked to bring it in */
	u64 code_type_addr;                 /* PyCode_Type of this process; 0: not known */
	u32 frame_cnt, todo_cnt, visited, stop;
	u32 garbage; /* something that is no code object stood where one should */
	u32 image_id, layout_id, max_frames;
	u32 slot;         /* of `natives`; and of `scratches`, where it is a tick's */
	u32 keep;         /* of `kept_waits` + 1: there the sample goes; 0: to user space */
	u32 walk_cnt;     /* numbers the walks, so that the memos need not be cleared */
	u64 cache_ns;     /* longest time that a code object goes without being read; 0: read at each walk */
	u64 cpu_ns;       /* CPU time that the sample stands for; 0: it is of something else */
	u32 replaced;     /* times that another code object lay where a cached one was, … */
	u32 foreign;      /* the thread is not the current one, whose registers say nothing of it */
	u32 native;       /* enum walk_native */
	u64 replaced_key; /* … which was this one, the last time */
	struct code_memos memos;
	struct code_todo todo[CODE_TODO_MAX];
	/* the tasks that it ran for: bpf/tasks.bpf.c */
	u64 task_addr; /* the next one */
	u64 task_block[ABI_TASK_BLOCK / 8];
	u64 task_text[16]; /* entries of a set */
	struct task_source task_from[ABI_MAX_TASKS];
	struct abi_tasks tasks; /* the record */
	struct abi_task task[ABI_MAX_TASKS];
};

/*
 * Memory of a source's program on one CPU. Each source has its own, because one may interrupt another; the kernel makes
 * sure that none is interrupted by itself (kernel/trace/bpf_trace.c: bpf_prog_active, prog->active).
 */
struct scratch {
	struct walk walk;
	u64 names_until_ns; /* then a tick has read enough of them */
	u64 thin_until_ns;  /* waits: see thin() in bpf/source/gil.bpf.c */
	struct abi_proc_rec proc_rec;
	struct code_buf code_buf; /* for names that are sent at once */
};

#define NATIVE_RECORD                                                                                                  \
	(sizeof(struct abi_sample) + ABI_MAX_FRAMES * sizeof(struct abi_frame) + sizeof(struct abi_native) +           \
	 8 * (ABI_MAX_KERNEL + ABI_MAX_NATIVE) + ABI_MAX_RUNS * sizeof(struct abi_run))

/* The native part of a sample, and its whole record. */
struct native {
	struct abi_native head;
	u64 ip, sp, bp, cfa; /* of the frame at hand */
	u64 registers[ARCH_UNWIND_REGISTERS];
	u64 seek, back;                /* where a return address was sought, and found */
	u64 cframe;                    /* of the invocation of the C evaluator that the walk is in; 0: not known */
	struct abi_unwind_mapping map; /* that the frame is in */
	struct abi_unwind_rule rule;
	u32 first, cnt; /* the process's mappings */
	u32 exact;      /* ip is of the instruction that runs, not of where a call returns to */
	u32 end;        /* enum abi_native_end, once it is over */
	u32 bp_lost;    /* rbp is not known */
	u32 guessed;    /* some code had no rule, and was passed */
	u32 layout_id;
	u32 placed; /* runs that need not be looked for any more */
	u32 skip;   /* the entry of run i is entries[i + skip] */
	u64 kernel[ABI_MAX_KERNEL];
	u64 user[ABI_MAX_NATIVE];
	u64 entries[ABI_MAX_RUNS + 2]; /* addresses on the C stack, by run; 0: none */
	struct abi_run runs[ABI_MAX_RUNS];
	u64 record[NATIVE_RECORD / 8 + 1];
};

/* The same of a sample that is sent later: all but the kernel's frames. */
struct kept_native {
	struct abi_native head;
	u64 user[ABI_MAX_NATIVE];
	struct abi_run runs[ABI_MAX_RUNS];
};
/* Where: of waits for the GIL by their slots, of others by theirs behind these. */
#define KEPT_NATIVE_GIL  0
#define KEPT_NATIVE_WAIT ABI_GIL_SLOTS

/* One scheduled callback in a sampled task. */
struct code_slot {
	struct bpf_task_work work;
	u64 mm;
	u32 busy; /* the thread whose tick took it; 0: free */
	u32 todo_cnt, image_id, layout_id;
	struct code_todo todo[CODE_TODO_MAX];
	struct code_buf buf;
};

/* One walk in a sampled task. */
struct cold_slot {
	struct bpf_task_work work;
	u64 mm;
	u32 busy; /* as in code_slot */
	u32 outcome;
	u64 more_value; /* of ticks that came while it was taken: the sums, … */
	u32 more;       /* … and how many */
	u32 pad;
	struct walk walk;
};

/* What of a walk is sent; it begins with that. */
struct stack {
	struct abi_sample sample;
	struct abi_frame frames[ABI_MAX_FRAMES];
};

/* Stacks of a wait for the GIL, read as it began. */
struct gil_slot {
	u32 busy;   /* the thread; 0: free */
	u32 wait;   /* enum gil_wait */
	u32 one_in; /* of so many waits as this one it is the only one that is looked at */
	u32 index;
	u32 pending, pad; /* it is over, and the next one is to tell who held the GIL by then */
	u64 began_ns, ended_ns;
	u64 ran_ns; /* the thread's CPU time as it began */
	u64 interval_ns, gil_addr;
	u32 counted, tgid; /* so many are in `gil_waiters` for it, under this process */
	u64 holder;        /* its thread state; 0: nobody held it */
	struct stack waiter, held;
};

/* A GIL of a process. */
struct gil_key {
	u64 gil_addr;
	u32 tgid, pad;
};

/* A wait that is over, for its thread to look at its stack. */
struct wait_slot {
	struct bpf_task_work work;
	u32 busy, closing; /* the thread; it has begun to look */
	u64 now_ns, value, args[2];
	struct abi_why why;
	u32 tgid, kernel_cnt;
	u64 kernel[ABI_MAX_KERNEL]; /* where in the kernel it waited */
};

/* The stack of a thread of ours while it waits. */
struct kept_wait {
	u32 busy, pad;      /* the thread, from its first wait to its end */
	struct stack stack; /* hdr.size 0: it came to none */
};

struct wait_scratch {
	u32 busy, pad;
	struct scratch s;
};

/* What page faults brought to an address space (bpf/source/faults.bpf.c), in pages. */
struct growth {
	u64 resident; /* by the kernel's sum, when it was last looked at */
	u64 ahead;    /* what faults brought that the sum does not show yet */
	u64 unsent;   /* no sample stands for these yet … */
	u64 next;     /* … until they are so many */
	u64 free;     /* 1: nobody is at it */
	u32 tgid;     /* whose it is: the address may be another's by and by */
	u32 pad;
};

/* Of one CPU. */
struct fault_count {
	u64 faults; /* that the program ran for */
	u64 pages;  /* that samples stand for */
};

struct seen_tasks {
	u64 key, sent_ns;
};

extern struct events_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events SEC(".maps");

extern struct outcomes_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, ABI_SOURCE_CNT *ABI_OUTCOME_CNT);
	__type(key, u32);
	__type(value, u64);
} outcomes SEC(".maps");

extern struct lost_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ABI_MAX_LOST);
	__type(key, struct abi_lost_key);
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

extern struct unlisted_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, ABI_PID_LIMIT / 64);
	__type(key, u32);
	__type(value, u64);
} unlisted SEC(".maps");

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

extern struct claims_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);
	__type(value, u8);
} claims SEC(".maps");

extern struct scratches_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

extern struct natives_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct native);
} natives SEC(".maps");

extern struct kept_natives_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct kept_native);
} kept_natives SEC(".maps");

extern struct unwind_processes_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ABI_MAX_PROCS);
	__type(key, u32);
	__type(value, struct abi_unwind_process);
} unwind_processes SEC(".maps");

extern struct unwind_mappings_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct abi_unwind_mapping);
} unwind_mappings SEC(".maps");

extern struct unwind_words_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} unwind_words SEC(".maps");

/* Where an entry of the C evaluator lies in its frame. */
#define UNWIND_GAPS 4 /* there are builds that have it twice */
struct unwind_gaps {
	u64 of[UNWIND_GAPS]; /* CFA - entry; 0: none yet */
	u64 pages;           /* of the table of the file that it was seen in last */
};

extern struct unwind_gaps_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct unwind_gaps);
} unwind_gaps SEC(".maps");

extern struct unwind_rules_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct abi_unwind_rule);
} unwind_rules SEC(".maps");

extern struct seen_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, ABI_SEEN_BUCKETS);
	__type(key, u32);
	__type(value, struct abi_seen);
} seen SEC(".maps");

extern struct tasks_seen_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TASKS_SEEN);
	__type(key, u32);
	__type(value, struct seen_tasks);
} tasks_seen SEC(".maps");

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

extern struct gil_slots_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* ABI_GIL_SLOTS with that source */
	__type(key, u32);
	__type(value, struct gil_slot);
} gil_slots SEC(".maps");

extern struct gil_waits_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1); /* as above */
	__type(key, u32);
	__type(value, u32);
} gil_waits SEC(".maps");

extern struct gil_waiters_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH); /* nobody tells when one ends */
	__uint(max_entries, 1);              /* as above */
	__type(key, struct gil_key);
	__type(value, s32);
} gil_waiters SEC(".maps");

extern struct waits_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct abi_thread_wait);
} waits SEC(".maps");

extern struct wait_slots_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct wait_slot);
} wait_slots SEC(".maps");

extern struct kept_waits_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct kept_wait);
} kept_waits SEC(".maps");

extern struct wait_scratches_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct wait_scratch);
} wait_scratches SEC(".maps");

extern struct wait_counts_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct abi_wait_counts);
} wait_counts SEC(".maps");

extern struct growths_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH); /* nobody tells when one ends */
	__uint(max_entries, 1);
	__type(key, u64);
	__type(value, struct growth);
} growths SEC(".maps");

extern struct fault_counts_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct fault_count);
} fault_counts SEC(".maps");

enum target_mode { TARGET_PIDS, TARGET_CGROUPS, TARGET_ALL };

/* Set by user space before load. */
extern __set_before_load __u32 cfg_self_tgid;    /* the profiler: never sampled */
extern __set_before_load __u32 cfg_mode;         /* enum target_mode */
extern __set_before_load __u32 cfg_follow_names; /* user space is woken for each cgroup that is made */
extern __set_before_load __u32 cfg_tell_cgroups; /* it is told of each that is made, too */
extern __set_before_load __u32 cfg_max_frames;
extern __set_before_load __u64 cfg_cache_ns;          /* most time that a code object goes unread … */
extern __set_before_load __u64 cfg_cache_numbered_ns; /* … and one that has a number which is never used twice */
extern __set_before_load __u64 cfg_wake_bytes;        /* wake user space when this much waits in the ring */
extern __set_before_load bool cfg_gil_only;
extern __set_before_load bool cfg_native;         /* native frames too … */
extern __set_before_load bool cfg_kernel;         /* … and those of the kernel */
extern __set_before_load __u32 cfg_wait_natives;  /* of `natives` those of wait_scratches begin here */
extern __set_before_load int cfg_hierarchy;       /* that the chosen cgroups are of; 0: version 2 */
extern __set_before_load __u32 cfg_cgroup_subsys; /* a controller of it + 1, as the kernel numbers them; 0: version 2 */
extern __set_before_load bool cfg_scoped;         /* the timers run only with a cgroup's tasks */
extern __set_before_load __u32 cfg_timers_per_cpu;        /* ABI_MAX_CGROUPS at most */
extern __set_before_load __u32 cfg_page_bytes;            /* the kernel's pages … */
extern __set_before_load __u32 cfg_growth_pages;          /* … that a sample of new memory stands for, about … */
extern __set_before_load __u32 cfg_growth_ahead;          /* … and that the kernel's sum may lag behind by */
extern __set_before_load __u32 cfg_slots_per_cpu;         /* as many as sources were chosen */
extern __set_before_load __u32 cfg_slots[ABI_SOURCE_CNT]; /* which of them is a source's */
extern __set_before_load bool cfg_keep_waits; /* there is no task work: stacks are walked as a wait begins */
extern __set_before_load __u64 cfg_wait_ns; /* waits as long as this are all kept, shorter ones stand for their like */

extern __set_before_load bool has_new_kernel;     /* of the object itself: bpf/new.bpf.h, not bpf/old.bpf.h */
extern __set_before_load bool cfg_gil_apart;      /* such waits are a source of their own … */
extern __set_before_load bool cfg_gil_ticks;      /* … and the timers of CPU time say what holds it meanwhile */
extern __set_before_load __u64 cfg_gil_period_ns; /* waits for the GIL that are shorter are drawn by lot */

/* Changed while running. */
extern __s32 gil_open;            /* threads that have a slot */
extern __u64 gil_due;             /* samples that there should be … */
extern __u64 gil_due_ns;          /* … and the sum of what they stand for */
extern __u32 programs_generation; /* user space: +1 whenever `programs` grew */
extern __u32 next_image_id;
extern __u32 aside_tgid; /* user space: its worker, which is as little a target as itself */
/* Set for the numbers of threads that have been in `waits`, so that a switch to another one is told without a look-up … */
extern __u8 wait_marks[ABI_MARKS];
/* … and of processes that have been in `procs` or `unlisted`, for a switch away from another one. */
extern __u8 proc_marks[ABI_MARKS];
extern __u64 wait_end_ns;                           /* user space: no wait begins after that; 0: not yet */
extern __u32 hotplug_steps;                         /* CPUs have come or gone while this changes */
extern __s32 targets_alive;                         /* chosen processes (and their trees) still alive */
extern __u32 exits_lost;                            /* records of that kind that the ring had no room for … */
extern __u32 invalidates_lost;                      /* … which user space makes up for */
extern __u64 clock_monotonic_ns, clock_boottime_ns; /* BPF, when asked (bpf/clocks.bpf.c) */
extern __u64 own_root_mnt, own_root_dentry;         /* BPF, likewise (bpf/root.bpf.c) */
extern __u64 cgroups_new;                           /* BPF: cgroups made, with cfg_follow_names */
extern __u64 cgroups_made[ABI_MAX_CGROUPS];         /* BPF: times that a chosen cgroup was made anew … */
extern __u64 cgroups_made_ns[ABI_MAX_CGROUPS];      /* … and when last, CLOCK_MONOTONIC */

/* A thousand births a second are 2^31 within a month: then it begins anew, without 0 and those that are user space's. */
static __always_inline u32 image_id_of(u32 cnt)
{
	return (cnt & (ABI_OWN_IMAGES - 1)) + 1;
}

#ifdef OLD_KERNEL
#include "bpf/old.bpf.h"
#else
#include "bpf/new.bpf.h"
#endif
