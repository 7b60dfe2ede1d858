/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * THE contract between the kernel side and the user side: limits, ring-buffer records, map keys and
 * values, the layout of an interpreter. Fixed-width types, explicit padding, no pointers; addresses in
 * the target are `u64 …_addr`. Both compilers check the sizes at the end.
 */
#pragma once
#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif
#include "bpf/outcomes.h"
#include "bpf/sources.h"

#define ABI_MAX_FRAMES       1024
#define ABI_MAX_CPUS         1024
#define ABI_MAX_PROCS        16384
#define ABI_MARKS            65536u     /* by the last bits of the number of a process or a thread */
#define ABI_PID_LIMIT        (4u << 20) /* include/linux/threads.h: PID_MAX_LIMIT */
#define ABI_MAX_LAYOUTS      4096       /* distinct builds; a user other than root has a share of them */
#define ABI_MAX_CGROUPS      16
#define ABI_MAX_CGROUP_STEPS 1024        /* directories on the way to them */
#define ABI_CGROUP_NAME      256         /* NAME_MAX and its end */
#define ABI_GIL_SLOTS        256         /* threads that wait for the GIL at once */
#define ABI_MAX_LOST         4096        /* processes that ticks are lost of between two looks, by reason */
#define ABI_MAX_TEXT         4096        /* bytes of a name or path that are kept */
#define ABI_CODE_CHUNK       16384       /* bytes of a line table per record */
#define ABI_SENT_LINES       (256 << 10) /* bytes of a line table that are sent; user space reads longer ones … */
#define ABI_MAX_LINES        (16 << 20)  /* … up to this: a module of 100,000 lines has some 5 MB */
#define ABI_CMDLINE          512
#define ABI_COMM             16
#define ABI_FRAME_BLOCK      104      /* bytes read per frame, at most */
#define ABI_CODE_BLOCK       96       /* bytes read per code object */
#define ABI_CODE_NUMBERED    48       /* of these, with the first line and the number that is never used twice */
#define ABI_TSTATE_BLOCK     192      /* bytes read per thread state */
#define ABI_CACHE_NS         50000000 /* most time that a code object's identity goes unchecked */
#define ABI_LINES_PREFIX     48       /* bytes of line table read in one go with their size … */
#define ABI_LINES_HASHED     4096     /* … and most bytes of the rest that count in a fingerprint */

/* ---- layout of one interpreter build ---------------------------------------------------------- */

/* Mechanisms, never versions. */
#define ABI_MECH_CFRAME      (1u << 0)  /* tstate points to a cframe that points to the frame */
#define ABI_MECH_IP_POINTER  (1u << 1)  /* the frame has an instruction pointer (else an int index) */
#define ABI_MECH_IP_UNITS    (1u << 2)  /* the index counts 2-byte code units */
#define ABI_MECH_OWNER       (1u << 3)  /* owner >= owner_shim marks frames that are not Python */
#define ABI_MECH_IS_ENTRY    (1u << 4)  /* is_entry ends one invocation of the C evaluator */
#define ABI_MECH_GIL_CURRENT (1u << 5)  /* _PyRuntime names the tstate that holds the GIL */
#define ABI_MECH_GIL_STATUS  (1u << 6)  /* (u32 at ts_gil_off & gil_mask) != 0: this tstate holds it */
#define ABI_MECH_VERSION     (1u << 7)  /* code objects carry a number that is never used twice */
#define ABI_MECH_THREAD_ID   (1u << 8)  /* tstate.thread_id must equal the thread pointer */
#define ABI_MECH_KEYS_LOG2   (1u << 9)  /* a dict's keys say how wide their indices are, and of what kind the entries */
#define ABI_MECH_COPIES      (1u << 10) /* a thread may run a copy of its own of the instructions */
#define ABI_MECH_GIL_SWITCH  (1u << 11) /* the GIL has a switch: 0 at its start, there is none */
#define ABI_MECH_GC_RUNTIME  (1u << 12) /* gc_off is from _PyRuntime on, else from the interpreter */
#define ABI_MECH_GC_FRAME                                                                                              \
	(1u << 13) /* at gc_off is the address of the frame above which the collector runs, else s32 */

/* Where a thread has the pointer to its state: under a pthread key, or in a variable of its own */
enum abi_tls {
	ABI_TLS_KEY,        /* that _PyRuntime names */
	ABI_TLS_PLAIN_KEY,  /* an int of its own; -1: there is none yet */
	ABI_TLS_OFFSET,     /* tls_off from the thread pointer: in programs */
	ABI_TLS_GOT_OFFSET, /* the offset from the thread pointer is in the GOT: libraries, initial-exec */
	ABI_TLS_MODULE, /* the GOT has the module's number and an offset in its block: libraries, __tls_get_addr() */
	ABI_TLS_DESCRIPTOR, /* the GOT has a function and what it is given: an offset, or where such a pair is */
};

/*
 * Low bits of a _PyStackRef (3.14 on, Include/internal/pycore_stackref.h), of which 1 is none; objects are aligned, so an address
 * of older versions has none.
 */
#define ABI_REF_TAGS 7ull

/* Include/internal/pycore_frame.h: FRAME_OWNED_BY_THREAD, a function's frame; FRAME_OWNED_BY_GENERATOR */
#define ABI_OWNER_THREAD    0
#define ABI_OWNER_GENERATOR 1

/* Include/cpython/code.h (3.6, 3.7: Include/code.h): CO_OPTIMIZED, a function's; bodies of modules and classes lack it */
#define ABI_CODE_OPTIMIZED 1u

/*
 * Byte offsets. Frame, code and tstate members lie in the block [base, base + ABI_…_BLOCK) that is read
 * in one go; their offsets here are from the object's start, and user space asserts the fit.
 */
struct abi_py_layout {
	__s64 code_type_delta;       /* &PyCode_Type - &_PyRuntime; 0: not known, not checked */
	__s64 tls_got_delta;         /* &GOT entry - &_PyRuntime */
	__u32 mech;                  /* ABI_MECH_* */
	__s32 rt_tss_off;            /* Py_tss_t {int initialised; int key} in _PyRuntime; or the int */
	__u32 rt_tstate_current_off; /* with GIL_CURRENT */
	__u32 gil_mask;
	__u16 ts_thread_id_off;
	__u16 ts_frame_off; /* tstate → frame, or → cframe */
	__u16 ts_gil_off;
	__u16 ts_interp_off;    /* tstate → interpreter … */
	__u16 interp_id_off;    /* … → s64 number; 0: they have none */
	__u16 cframe_frame_off; /* cframe → frame */
	__u16 cframe_prev_off;  /* cframe → that of the invocation of the C evaluator before */
	__u16 frame_base;       /* start of the frame block */
	__u16 frame_prev_off;
	__u16 frame_code_off;
	__u16 frame_ip_off;
	__u16 frame_owner_off;    /* u8 */
	__u16 frame_is_entry_off; /* u8 */
	__u16 code_base;          /* start of the code block */
	__u16 code_firstlineno_off;
	__u16 code_version_off; /* with VERSION */
	__u16 code_filename_off;
	__u16 code_name_off;  /* qualified name where there is one */
	__u16 code_lines_off; /* line table (bytes object) */
	__u16 code_start_off; /* first instruction, with IP_POINTER */
	__u16 bytes_size_off;
	__u16 bytes_data_off;
	__u16 str_length_off;
	__u16 str_state_off;
	__u16 str_ascii_off;   /* data of a compact ASCII string */
	__u16 str_compact_off; /* data of another compact string; address of the data of one that is not */
	__u8 str_kind_shift;   /* state bits */
	__u8 str_compact_bit;
	__u8 str_ascii_bit;
	__u8 owner_shim; /* smallest owner value that is not a Python frame */
	/*
	 * From pthread_self() on, which is where the C library has its struct of the thread. pthread_getspecific: slots of the
	 * first keys are inline at tss_first_off, else there is a table of blocks
	 */
	__u16 tss_first_off;
	__u16 tss_table_off;
	__u16 tss_per_block;
	__u16 tss_entry_size;
	__u16 tss_value_off;
	__u16 type_off; /* ob_type of any object */
	/* Frames of functions lie one behind the other on a thread's data stack, in chunks; 0: there is none */
	__u16 ts_stack_off;       /* tstate: address of the chunk, top, limit */
	__u16 frame_locals_off;   /* what a frame has before its slots; these are … */
	__u16 code_stacksize_off; /* u32; … so many … */
	__u16 code_nlocals_off;   /* u32; … and so many */
	__u16 str_wstr_off;       /* address and length of the data of a string of kind 0; 0: there are none */
	__u16 str_wstr_length_off;
	/* The way from a frame to its module's name (bpf/module.bpf.h) */
	__u16 frame_globals_off;
	__u16 dict_keys_off;    /* dict: address of its keys; then that of its values, if they are elsewhere */
	__u16 keys_size_off;    /* keys: s64 size; with KEYS_LOG2 u8 log2 of size, of bytes of indices, u8 kind */
	__u16 keys_indices_off; /* the entries follow the indices */
	__u16 frame_object_off; /* Frames of compiled functions: address of the frame object, 0: the frame is one … */
	__u8 torn_owners;       /* bit per owner value that a chain cannot end at: caught while it was changed … */
	__u8 gen_state_back;   /* … unless, this far before a generator's frame, 0 says that it runs; 0: no such byte */
	__u16 frame_func_off;  /* … and of the function, which they lack */
	__u16 frame_line_off;  /* s32 in the frame object: the line, where there are no instructions */
	__u16 frame_state_off; /* u8 in a frame that is one itself … */
	__u8 frame_running;    /* … and its value while the frame runs */
	__u8 tls;              /* enum abi_tls */
	__s32 tls_off;         /* of the variable; with GOT_OFFSET, MODULE besides what the GOT says */
	__u16 dtv_off;         /* with MODULE: from pthread_self() → address of the blocks' addresses, … */
	__u16 dtv_entry_size;  /* … each so far behind the last */
	__u16 frame_bytes;     /* that are read of a frame, from frame_base on: its members end there */
	__u16 frame_copy_off;  /* with COPIES: s32, which copy; 0: that of the code object itself */
	__u16 code_copies_off; /* address of {count, the copies' addresses} */
	__u16 interp_gil_off;  /* interpreter → GIL; 0: not known, or in _PyRuntime */
	__u16 tss_inline;      /* keys from this one on have their slots in a block */
	__u16 thread_below;    /* pthread_self() is so far below the thread pointer */
	__u16 code_flags_off;  /* u32 */
	/* The GIL: in _PyRuntime, or 0: in what an interpreter points to at interp_gil_off */
	__u16 rt_gil_off;
	__u16 gil_holder_off; /* u64 interval in µs before it; the state that had it last; then s32: does it still? */
	__u16 gil_cond_off;   /* condition and mutex of those who want it, … */
	__u16 gil_switch_off; /* … behind which are as large ones of who gave it up on request; 0: not known */
	/* A thread's number in its own PID namespace: u64 in its state; or, with 0, u32 from pthread_self() on */
	__u16 ts_native_id_off;
	__u16 pthread_tid_off;
	/* Who waits on a condition is in a list (user/symbol/arch.h); no futex of one lies in the condition. 0: it does */
	__u16 cond_first_off, waiter_next_off, waiter_futex_off;
	__u16 gc_off;        /* is it collecting garbage? 0: not known */
	__u16 ts_cframe_off; /* tstate → cframe, where that knows no frame, but there is one for each; 0: none such */
	/* Tasks of asyncio; other futures begin alike */
	__u16 ts_task_off;      /* tstate → the task that runs; 0: not known */
	__u16 task_name_off;    /* a str, or the number of a task without a name of its own */
	__u16 task_coro_off;    /* coroutine … */
	__u16 coro_name_off;    /* … → its qualified name */
	__u16 task_awaiter_off; /* future → who awaits it, or a set of those … */
	__u16 task_several_off; /* … u8: it is a set */
	__u16 task_is_task_off; /* u8: it is no mere future */
};

/*
 * Which program runs which interpreter: key and value of `programs`. The kernel knows a program's file and
 * where its code starts (mm->exe_file, mm->start_code), so a process of a known program is walked from
 * its first tick on, and no mapping is searched. The interpreter is in the program itself, or in a library, which
 * is found by one of the program's imported addresses.
 */
struct abi_file {
	__u64 inode;
	__u64 changed_ns; /* its ctime: inodes are used again as soon as a file is gone */
	__u32 dev;        /* kernel encoding: major << 20 | minor */
	__u32 pad;
};
struct abi_program {
	__u64 start_code;    /* of the program, as linked */
	__u64 runtime_vaddr; /* of _PyRuntime as linked: in the program, or in the library */
	__u64 import_slot;   /* as linked in the program; 0: the interpreter is in the program itself */
	__u64 import_symbol; /* what the loader puts there, as linked in the library */
	__u32 layout_id;     /* index into `layouts`, or ABI_LAYOUT_UNSUPPORTED; NONE: it had no interpreter yet */
	__u32 pad;
};
#define ABI_LAYOUT_NONE        0u /* ids start at 1 */
#define ABI_LAYOUT_UNSUPPORTED 0xffffffffu

/* ---- processes ----------------------------------------------------------------------------------- */

enum abi_proc_state {
	ABI_PROC_NEW,     /* not looked at yet */
	ABI_PROC_UNKNOWN, /* a program that the kernel side does not know; user space was asked */
	ABI_PROC_LOADING, /* a known program that has not loaded its interpreter yet */
	ABI_PROC_PYTHON,
	ABI_PROC_UNSUPPORTED, /* an interpreter that cannot be walked */
	ABI_PROC_NOT_PYTHON,
	ABI_PROC_BORROWED, /* it runs in its parent's memory until it execs (vfork, posix_spawn) */
};

enum abi_announced {
	ABI_NOT_ANNOUNCED,
	ABI_KNOWN,     /* user space made the entry, and has yet to be told what only the kernel side sees */
	ABI_ANNOUNCED, /* ABI_REC_PROC was sent */
};

#define ABI_PROC_TARGET  1u  /* chosen by pid, or born in a chosen tree */
#define ABI_PROC_TREE    2u  /* its children are targets too */
#define ABI_PROC_COUNTED 4u  /* in `targets_alive` */
#define ABI_PROC_MET     8u  /* a record that names it may have been sent, so its end is to be told */
#define ABI_PROC_SILENT  16u /* some of its memory is a program's to answer for: nothing of it is brought in */
#define ABI_PROC_PLAIN   32u /* others of its program had no interpreter when they were looked at */

#define ABI_OWN_IMAGES 0x80000000u /* ids of images from here on are user space's to give */

/* Value of `procs`, key tgid. `image_id` is new at first sight, at fork and at exec. */
struct abi_proc {
	__u64 start_ns;     /* leader's start, CLOCK_BOOTTIME */
	__u64 mm;           /* identity of the address space; compared, never read through */
	__u64 runtime_addr; /* of _PyRuntime, once state is PYTHON */
	__u32 image_id;
	__u32 parent_image_id;
	__u32 layout_id;
	__u32 tss_key; /* key + 1; 0 not read yet */
	__u32 ppid;
	__u32 generation;      /* `programs_generation` when last looked up in vain */
	__u16 state;           /* enum abi_proc_state */
	__u16 announced;       /* enum abi_announced */
	__u32 flags;           /* ABI_PROC_* */
	__u32 misses;          /* times it was looked up in vain */
	__u32 wait;            /* ticks until the next time */
	__u64 looked_ns;       /* when it was last looked up, or doubted … */
	__u64 exec_pages;      /* … and how many pages of code it had mapped then */
	__u64 verify_until_ns; /* till then each walk reads every code object */
	__u32 replaced;        /* times that one was found where another was cached */
	__u16 has_run;         /* a Python function was seen in it */
	__u16 doubts;          /* times that its interpreter was looked for again, as it never ran */
	__u64 cpu_ns;          /* CPU time by the kernel's clock when the image began; ABI_UNKNOWN_NS */
};
#define ABI_UNKNOWN_NS (~0ull)

/* Value of `hints`, key image id: what user space found out about a process. */
struct abi_hint {
	__u64 runtime_addr;
	__u32 layout_id;
	__u32 state; /* enum abi_proc_state: PYTHON, UNSUPPORTED or NOT_PYTHON */
};

/* ---- cgroups ------------------------------------------------------------------------------------ */

/*
 * The directories that lead to the chosen cgroups make a tree; its nodes are numbered from 1. A service that is started
 * again gets a new cgroup with a new id, at the same node.
 */
struct abi_cgroup_node { /* value of `cgroups`, key the id of a cgroup that is there; and of `cgroup_steps` */
	__u32 node;
	__u32 chosen; /* index of the chosen cgroup + 1; 0: only on the way to one */
};
struct abi_cgroup_step {            /* key of `cgroup_steps` */
	__u32 node;                 /* that the directory lies in */
	char name[ABI_CGROUP_NAME]; /* NUL to the end */
};

/* ---- records -------------------------------------------------------------------------------------- */

enum abi_record {
	ABI_REC_SAMPLE = 1,
	ABI_REC_CODE = 2,
	ABI_REC_LINES = 3,
	ABI_REC_PROC = 4,
	ABI_REC_EXIT = 5,
	ABI_REC_INVALIDATE = 6,
	ABI_REC_CPU = 7,
	ABI_REC_WAKE = 8, /* a header only: something is to be looked at now */
	ABI_REC_TASKS = 9,
	ABI_REC_PROGRAM = 10,
	ABI_REC_CGROUP = 11,
};

struct abi_hdr {
	__u32 size; /* of the whole record, bytes */
	__u16 kind; /* enum abi_record */
	__u16 cpu;
	__u32 tgid, tid;
	__u64 time_ns; /* CLOCK_MONOTONIC */
};

/* Frames that were never interpreted have a line instead of an instruction; and the other way round. */
static inline __s32 abi_line(__s32 line)
{
	return -2 - line;
}

struct abi_frame {
	__u64 code_key; /* identity of a code object in this recording: process image, address, fingerprint; 0: not readable */
	__s32 lasti; /* byte offset of the instruction; -1: not started; below: abi_line() of the line itself */
	__u32 what;  /* enum abi_frame_what */
};

/*
 * What an entry of the frames is. Two of a wait for the GIL come before the waiter's frames: of the function that the holder
 * was in, with a code_key of 0 where that is not known, and of the thread, of which code_key is the ident and lasti the number
 * in its own PID namespace; 0, 0: nobody held it.
 */
enum abi_frame_what {
	ABI_FRAME_PYTHON,
	ABI_FRAME_COLLECTING,    /* a leaf, above which the garbage collector runs */
	ABI_FRAME_IN_COLLECTION, /* the same; or the collector has called it, or one that called it */
	ABI_FRAME_GIL_FUNCTION,
	ABI_FRAME_GIL_THREAD,
};

enum abi_gil { ABI_GIL_UNKNOWN, ABI_GIL_HELD, ABI_GIL_NOT_HELD, ABI_GIL_NONE /* the interpreter runs without */ };

/* How a thread was kept from running; user/os/causes.h makes words of it. */
enum abi_wait {
	ABI_WAIT_NONE,    /* it was not: the sample is of no wait */
	ABI_WAIT_CALL,    /* in a system call */
	ABI_WAIT_FAULT,   /* in the kernel, but in no system call: for memory */
	ABI_WAIT_CPU,     /* runnable, while others ran */
	ABI_WAIT_QUOTA,   /* the same, as its cgroup had used up what it may (cpu.max) */
	ABI_WAIT_STOPPED, /* by a signal or a debugger */
	ABI_WAIT_FROZEN,  /* with its cgroup */
	ABI_WAIT_GIL,     /* in a system call, for the interpreter's lock */
	ABI_WAIT_CNT
};
/* What kind of file a system call is about. NONE: its first two arguments are 0. */
enum abi_fd { ABI_FD_NONE, ABI_FD_FILE, ABI_FD_PIPE, ABI_FD_SOCKET, ABI_FD_OTHER };

struct abi_why {
	__u8 wait;  /* enum abi_wait */
	__u8 fd;    /* enum abi_fd: of the first argument, whether or not it is a file descriptor */
	__u16 port; /* of a socket's peer; 0: none */
	__s32 call; /* number of the system call; negative: none */
};

#define ABI_SAMPLE_NATIVE 1u /* a struct abi_native follows the frames (--native) */
/* Another thread read it, which knows of this one's start nothing, and its number in its own PID namespace. */
#define ABI_SAMPLE_FOREIGN 2u

struct abi_sample {
	struct abi_hdr hdr;
	__u64 value;           /* in the unit of its type: of time, nanoseconds */
	__u64 thread_ident;    /* pthread_self(), as threading.get_ident() has it */
	__u64 thread_start_ns; /* CLOCK_BOOTTIME; thread numbers are given again */
	__u32 image_id;        /* 0: a process without an entry */
	__u32 interp_id;       /* number of the interpreter, cut to 32 bits; 0: the main one, or not known */
	__u16 frame_cnt;
	__u8 outcome;       /* enum abi_outcome */
	__u8 gil;           /* enum abi_gil */
	__u8 source;        /* enum abi_source … */
	__u8 type;          /* … and which of its value types the value is of (user/source/source.h) */
	__u8 unverified;    /* some cached code object was not read again for this sample */
	__u8 flags;         /* ABI_SAMPLE_* */
	struct abi_why why; /* of a wait */
	__u64 tasks_key; /* of the struct abi_tasks with what it ran for; 0: no task of asyncio's ran, or none that is known */
	__u64 cold_addr; /* what was not readable, where the task could not bring it in itself: a frame, or the thread's state; else 0 */
	char comm[ABI_COMM];
	/* then frame_cnt times struct abi_frame, leaf first; with `native` struct abi_native and what that has */
};

#define ABI_MAX_NATIVE 512 /* frames of C code in user space, … */
#define ABI_MAX_KERNEL 64  /* … in the kernel; … */
#define ABI_MAX_RUNS   512 /* … invocations of the C evaluator */

/* The rest of a stack: frames of C code, leaf first. Those of the kernel come before those of user space. */
struct abi_native {
	__u16 kernel_cnt, native_cnt, run_cnt;
	__u8 end;   /* enum abi_native_end */
	__u8 stale; /* code was mapped or unmapped since the process's mappings were read */
		    /*
	 * then kernel_cnt + native_cnt addresses, u64: of the instruction that runs in the first frame of each, and where the
	 * others go on after their call; then run_cnt times struct abi_run
	 */
};
/* Python frames that one invocation of the C evaluator runs, leaf first; those of the last runs may have no entry here. */
struct abi_run {
	__u16 frame_cnt; /* Python frames up to the end of this run, those of the runs before included */
	__u16 native;    /* which native frame the invocation is; ABI_NOWHERE: not found on this stack */
};
#define ABI_NOWHERE 0xffffu

#define ABI_NATIVE_WORDS(n) ((n)->kernel_cnt + (n)->native_cnt)

/* NULL when there is none. */
static inline const struct abi_native *abi_native_of(const struct abi_sample *s)
{
	return s->flags & ABI_SAMPLE_NATIVE
		       ? (const struct abi_native *)((const struct abi_frame *)(s + 1) + s->frame_cnt)
		       : (void *)0;
}

static inline const __u64 *abi_native_addrs(const struct abi_native *n)
{
	return (const __u64 *)(n + 1);
}

static inline const struct abi_run *abi_native_runs(const struct abi_native *n)
{
	return (const struct abi_run *)(abi_native_addrs(n) + ABI_NATIVE_WORDS(n));
}

/* Bytes that follow the struct itself. */
static inline __u32 abi_native_bytes(const struct abi_native *n)
{
	return 8u * ABI_NATIVE_WORDS(n) + n->run_cnt * (__u32)sizeof(struct abi_run);
}

#define ABI_TEXT_CUT        1u /* longer than ABI_MAX_TEXT */
#define ABI_TEXT_UNREADABLE 2u
#define ABI_TEXT_PACKAGE    4u /* of the main program: the package that it is of, not its own name */

struct abi_text {
	__u32 bytes; /* in the record's data */
	__u8 kind;   /* bytes per code point: 1, 2 or 4 */
	__u8 flags;  /* ABI_TEXT_* */
	__u16 pad;
};

#define ABI_MAX_TASKS  16
#define ABI_TASK_TEXT  64  /* bytes of a name that are kept */
#define ABI_TASK_BLOCK 176 /* bytes read per task; user space asserts that the members in use fit */

struct abi_task {
	__u64 number;              /* of Task-NUMBER, when it has no name of its own; else 0 */
	struct abi_text name;      /* its own; of a numbered one none … */
	struct abi_text coroutine; /* … but that of what it runs */
	char text[ABI_TASK_TEXT];  /* the one or the other */
};

/* First sight of a task of asyncio's that runs, and of who awaits it, and so on. It comes before the first sample. */
struct abi_tasks {
	struct abi_hdr hdr;
	__u64 key; /* of all that is here, and of the process image */
	__u32 image_id;
	__u16 cnt;
	__u16 cut; /* more await the last one than there is room for */
		   /* then cnt times struct abi_task, the one that runs first; of several that await one of them, one */
};

/* Value of `seen`: keys of code objects, in bucket key % ABI_SEEN_BUCKETS; 0: none. */
#define ABI_SEEN_BUCKETS 32768
#define ABI_SEEN_WAYS    4
struct abi_seen {
	__u64 way[ABI_SEEN_WAYS];
};

#define ABI_CODE_UNREADABLE 1u /* not all of it is here; user space may read it at its address */

/* First sight of a code object. Its line table follows in ABI_REC_LINES. */
struct abi_code {
	struct abi_hdr hdr;
	__u64 code_key;
	__u64 code_addr;
	__u64 globals_addr; /* of a frame that ran it */
	__u32 image_id;
	__u32 layout_id;
	__s32 first_line;
	__u32 flags;       /* ABI_CODE_* */
	__u32 lines_bytes; /* size of the line table that follows; 0: none, or not sent (UNREADABLE) */
	__u32 pad;
	struct abi_text name, file, module; /* the module unreadable: it has no name where one is looked for */
					    /* then the bytes of each */
};

struct abi_lines {
	struct abi_hdr hdr;
	__u64 code_key;
	__u32 offset; /* of this chunk in the table */
	__u32 bytes;
	/* then the bytes */
};

/* Of a record below: its root directory is the profiler's, so that paths mean the same files to both. */
#define ABI_PROC_OWN_ROOT 1u

/* First sight of a process image, sent before its first sample. */
struct abi_proc_rec {
	struct abi_hdr hdr;
	__u64 start_ns;     /* CLOCK_BOOTTIME */
	__u64 runtime_addr; /* with PYTHON */
	__u64 cpu_ns;       /* its CPU time when the image began; ABI_UNKNOWN_NS */
	__u64 cgroup_id;    /* of version 2, that it is in now */
	__u32 image_id, parent_image_id, ppid;
	__u32 inner_pid; /* its number in the PID namespace that it lives in; 0: the first one */
	__u32 state;     /* enum abi_proc_state; when UNKNOWN, user space is asked to look */
	__u32 layout_id;
	struct abi_file program;
	__u32 cmdline_bytes;
	__u32 flags; /* ABI_PROC_OWN_ROOT */
	__u32 uid, gid;
	char comm[ABI_COMM];
	char cmdline[ABI_CMDLINE]; /* argv, NUL-separated */
};

/* The process runs a program from now on that user space has not looked at. */
struct abi_program_rec {
	struct abi_hdr hdr;
	struct abi_file program;
};

#define ABI_CGROUP_PATH 1024u /* include/linux/cgroup.h: TRACE_CGROUP_PATH_LEN */
/* A cgroup of version 2 was made: it may be gone before anybody looks where a process is. */
struct abi_cgroup_rec {
	struct abi_hdr hdr;
	__u64 cgroup_id;
	__u32 path_bytes; /* with its NUL; what follows is left out */
	__u32 pad;
	char path[ABI_CGROUP_PATH]; /* from the hierarchy's own root */
};

/* The process ended, or another image took its place. */
struct abi_exit {
	struct abi_hdr hdr;
	__u32 image_id;
	__u32 pad;
};

/* The CPU time that a process had used when its image ended, all threads together, by the kernel's clock. */
struct abi_cpu_rec {
	struct abi_hdr hdr;
	__u64 cpu_ns;
	__u32 image_id;
	__u32 pad;
};

/* A cached code object turned out to be another one: recent unverified samples that show it may be the other's. */
struct abi_invalidate {
	struct abi_hdr hdr;
	__u64 code_key; /* that was cached; 0: several, or not known which */
	__u32 image_id; /* 0: of any, as user space makes it when one was lost */
	__u32 pad;
};

/* Key and value of `lost`: a process's ticks without a record since user space last took it. */
struct abi_lost_key {
	__u32 image_id;
	__u16 outcome; /* enum abi_outcome */
	__u8 source, type;
};
struct abi_lost {
	__u64 cnt, value;
	__u32 tgid, pad;
};

/* ---- the sampling clock ---------------------------------------------------------------------------- */

/*
 * Value of `clocks`, one per CPU. Two parties count: the hook at the timer's expiry (timer_…) and the program that
 * the timer runs (ticks, value_ns). They know nothing of each other's sums.
 */
struct abi_clock {
	__u64 period_ns;      /* in force */
	__u64 next_period_ns; /* asked of the kernel by user space; taken over at the first expiry under it. 0: none */
	__u64 carry_ns; /* scoped timers: what the last redraw threw away, by user space; the next sample takes it */
	__u64 timers[ABI_MAX_CGROUPS]; /* addresses of our timers of this CPU, as found; user space clears them */
	__u64 expiring;                /* the timer that expires now … */
	__u64 expiring_ns;             /* … and when it was due, CLOCK_MONOTONIC */
	__u64 expires_ns;              /* when ours was due last; 0: not yet */
	__u64 tick_ns;                 /* what the tick at hand stands for */
	__u64 timer_cnt;               /* periods that were over while the CPU was not idle */
	__u64 timer_ns;                /* time that they stand for, and those while it was */
	__u64 ticks;                   /* times that the program ran */
	__u64 value_ns;                /* sum of what these stood for */
	__u32 pending;                 /* the timer has expired and its program has not run yet */
	__u32 pending_tgid;            /* whom it would have sampled; 0: nobody of ours */
};

/* ---- unwinding native frames ------------------------------------------------------------------------ */

/*
 * What .eh_frame says of one file, compiled by user space (user/symbol/unwind_table.h): where a function's caller goes on
 * and what its registers were, by address as linked. `pages` has each page of code, from the first that has any on; the
 * rows of a page are sorted, and one is in force up to the next. Rules are shared by all files.
 */
#define ABI_UNWIND_PAGE_SHIFT 12
#define ABI_UNWIND_RULES      16384 /* at once, in all files; rule 0 is ABI_UNWIND_STOP */

struct abi_unwind_page {
	__u32 first_row;
	__u16 row_cnt;
	__u16 rule; /* in force up to the first row */
};
struct abi_unwind_row {
	__u16 at; /* in the page */
	__u16 rule;
};

/*
 * The canonical frame address (CFA) is the stack pointer of the caller. Registers are called as those of x86-64; on arm64
 * "rbp" is x29, "rsp" is sp, and a return address that is not saved is in x30.
 */
enum abi_unwind {
	ABI_UNWIND_STOP,   /* no rule, or none that is known here: the rest of the stack cannot be seen */
	ABI_UNWIND_ROOT,   /* this function has no caller */
	ABI_UNWIND_SP,     /* CFA = rsp + cfa_off */
	ABI_UNWIND_BP,     /* CFA = rbp + cfa_off */
	ABI_UNWIND_PLT,    /* CFA = rsp + 8 + ((rip & 15) >= cfa_off ? 8 : 0) */
	ABI_UNWIND_BP_MEM, /* CFA = *(rbp + cfa_off) + cfa_add: functions that align their stack */
	ABI_UNWIND_SP_MEM, /* CFA = *(rsp + cfa_off) + cfa_add: the same, as assembler does it */
	ABI_UNWIND_SIGNAL, /* all registers are in the signal frame, which begins at rsp + cfa_off (a struct ucontext) */
	ABI_UNWIND_REG, /* CFA = register cfa_add, as DWARF counts them, + cfa_off; so only in the innermost function */
};
enum abi_unwind_bp {
	ABI_UNWIND_BP_SAME,   /* the caller's rbp is in rbp */
	ABI_UNWIND_BP_AT_CFA, /* … at CFA + bp_off */
	ABI_UNWIND_BP_AT_BP,  /* … at rbp + bp_off */
	ABI_UNWIND_BP_LOST,   /* … not known */
};
struct abi_unwind_rule {
	__s32 cfa_off;
	__s16 bp_off;
	__s16 ra_off; /* the return address is at CFA + ra_off; 0: in x30 */
	__s16 cfa_add;
	__u8 kind; /* enum abi_unwind */
	__u8 bp;   /* enum abi_unwind_bp */
	__u32 pad;
};

/* What a process can execute: of `unwind_mappings`, sorted by address. Of the table pages are one a word, rows two. */
#define ABI_UNWIND_MAPPINGS 65536 /* of all processes */
struct abi_unwind_mapping {
	__u64 start, end;
	__u64 first;       /* address in the process of the table's first page */
	__u32 pages, rows; /* their first words in `unwind_words` */
	__u32 page_cnt;    /* 0: there is no table (yet) */
	__u32 made;        /* its code was made at run time; of no file */
};

/* Value of `unwind_processes`, key image id. */
struct abi_unwind_process {
	__u32 first, cnt; /* in `unwind_mappings` */
	__u64 exec_pages; /* that it had mapped when it was first unwound with these; 0: not yet */
};

/* ---- waits ------------------------------------------------------------------------------------------ */

/* Value of `waits`, key tid: a thread of ours that is off the CPU, or was. */
struct abi_thread_wait {
	__u64 since_ns; /* CLOCK_MONOTONIC; 0: it runs */
	__u64 switches; /* away from it, this one included, as /proc counts them */
	__u64 start_ns; /* CLOCK_BOOTTIME */
	__u64 ran_ns;   /* its CPU time as it left */
	__u64 args[2];  /* of the system call */
	struct abi_why why;
	__u32 tgid;
	__u32 slot;    /* + 1, of `wait_slots` its last one, or of `kept_waits` its own; 0: none yet */
	__u32 outcome; /* of its walk, where that is done as the wait begins */
	__u32 pad;
};

/* Value of `wait_counts`, one per CPU: waits as the hook sees them, before it is decided what becomes of them. */
struct abi_wait_counts {
	__u64 begun, ended, ended_ns;
};

#define ABI_ASSERT(name, cond) _Static_assert(cond, name)
ABI_ASSERT("layout", sizeof(struct abi_py_layout) == 192);
ABI_ASSERT("proc", sizeof(struct abi_proc) == 104);
ABI_ASSERT("hdr", sizeof(struct abi_hdr) == 24);
ABI_ASSERT("frame", sizeof(struct abi_frame) == 16);
ABI_ASSERT("sample", sizeof(struct abi_sample) == 104);
ABI_ASSERT("task", sizeof(struct abi_task) == 88);
ABI_ASSERT("tasks", sizeof(struct abi_tasks) == 40);
ABI_ASSERT("clock", sizeof(struct abi_clock) == 224);
ABI_ASSERT("code", sizeof(struct abi_code) == 96);
ABI_ASSERT("lines", sizeof(struct abi_lines) == 40);
ABI_ASSERT("native", sizeof(struct abi_native) == 8);
ABI_ASSERT("run", sizeof(struct abi_run) == 4);
ABI_ASSERT("unwind mapping", sizeof(struct abi_unwind_mapping) == 40);
ABI_ASSERT("unwind page", sizeof(struct abi_unwind_page) == 8);
ABI_ASSERT("unwind row", sizeof(struct abi_unwind_row) == 4);
ABI_ASSERT("unwind rule", sizeof(struct abi_unwind_rule) == 16);
