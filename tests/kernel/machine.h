/* SPDX-License-Identifier: MIT */
/*
 * A made-up kernel for the kernel side as ordinary C: CPUs with timers, tasks, their memory, and the moments at which
 * the kernel calls our programs. There is one thread; a race is a test that
 * has something happen in the middle of a walk, or between a tick and the work that the tick left to the task.
 */
#pragma once
#include "tests/host/world.h"
#include "tests/kernel/maps.h"

#define MACHINE_CPUS      2
#define MACHINE_SLOTS     (3 * MACHINE_CPUS) /* of `scratches` */
#define MACHINE_PERIOD_NS 1000000            /* of the timers */
#define MACHINE_WAIT_NS   1000000            /* waits as long as this are all kept */
#define MACHINE_SELF      1                  /* the profiler's tgid */

struct task {
	struct task_struct t;
	struct world *world; /* what is in its memory; not its own */
	u64 cgroup_ids[2];   /* from the root on … */
	struct css_set set;
	union { /* … and the cgroup that has these, as kernels before 6.1 keep them */
		struct cgroup cgroup;
		u64 ancestor_ids[2];
	} own;
	struct signal_struct signal; /* a thread uses its leader's */
	u64 registers[36];           /* struct pt_regs, of its last entry into the kernel */
	struct files_struct files;
	struct task *next;
	bool stays_in_kernel; /* what ticks leave to it waits for task__resume() */
};

extern struct machine {
	u32 cpu;
	struct task *current;
	u32 expiries; /* times that a timer expired while the CPU was not idle … */
	u32 missed;   /* … and that it should have, but did not … */
	u32 others;   /* … and that another source had something to sample */
	u32 faults;   /* … and that memory was touched */
	u32 woken;    /* times that user space was woken by force */
	/* Called once, before the read of that number (0: the next one), as if another CPU or an interrupt did it. */
	void (*meanwhile)(void);
	u32 reads_until;
	/* Pages from `cold_from` up to `cold_to` are swapped out until a task faults them in. */
	u64 cold_from, cold_to;
	u32 cold_again;    /* times that they then go out again at once */
	bool no_task_work; /* a kernel that has none */
	bool userfault;    /* a program answers for the memory (userfaultfd) */
} machine;

/* A fresh kernel with our programs loaded for TARGET_PIDS, and the whole tree. */
void machine__boot(void);
/* Checks the invariants, whatever happened, and frees everything. */
void machine__shutdown(void);

/* ---- what tasks do --------------------------------------------------------------------------------------- */

/* A process that was there before us; the world is its memory. */
struct task *task__new(u32 tgid, struct world *world);
/* The user chose it by pid: user space makes its entry. */
void task__choose(struct task *t);
struct task *task__thread(struct task *leader, u32 tid);
/* The child has `world` for its memory; NULL: it borrows its parent's (vfork). */
struct task *task__fork(struct task *parent, u32 tgid, struct world *world);
/* Another program in this process, from another file: first its memory, then all threads and hooks know of it. */
void task__exec_memory(struct task *t, struct world *world);
void task__exec(struct task *t, struct world *world);
/* Its own program once more. */
void task__exec_same(struct task *t);
/* Ends the thread, and what is left of its work is run as the kernel does then. The memory is gone. */
void task__exit(struct task *t);
/* It is about to end, but others of its process are not. */
void task__begin_exit(struct task *t);
/* Its parent has waited for it; its pid may be used again. */
void task__reap(struct task *t);
/* It goes on in user mode: what ticks have left to it is done first. */
void task__resume(struct task *t);

/* ---- what a CPU does ------------------------------------------------------------------------------------- */

/* The timer expires while this task runs; then it resumes, unless it stays in the kernel. */
void machine__tick(struct task *t);
/* The same so long after its last expiry; NULL: while the CPU is idle, when the kernel does not run the program. */
void machine__tick_after(struct task *t, u64 ns);
/* A timer that is not ours. */
void machine__other_timer(struct task *t);
void machine__ticks(struct task *t, u32 cnt);
/* Interrupts are off for so many periods: their ticks never come. The next one must follow. */
void machine__pause(u32 periods);
/* As machine__switch(), for the hook of waits for the GIL; who is not asleep could run on. */
void machine__gil_switch(struct task *from, struct task *to, bool asleep);
void machine__pass(u64 ns);
/* The task touches memory; by the kernel's sum it then has so many pages. */
void machine__fault(struct task *t, u32 resident);
/* Another source's program samples the task, from a hook that a timer can interrupt. */
void machine__other_source(struct task *t);

/*
 * So much later the CPU goes from one task to another, which is the current one from then on, but has not been in user
 * mode; NULL: to or from the idle task. `from` is in the state of its own (__state), 0 when it would have liked to go on.
 */
void machine__switch(struct task *from, struct task *to, u64 after_ns);
/* The task is in a system call of that number, or (-1) in none. */
void task__call(struct task *t, s32 number, u64 first_arg, u64 second_arg);

/* ---- user space ------------------------------------------------------------------------------------------ */

/* Looks at the program that the last record of the process tells of, and makes it known. */
void user__identify(struct task *t);
/* Forgets a code object, which is to be sent again, as user/session/seen.c. */
void user__forget(u64 code_key);
/* A chosen process whose interpreter is known; it took one tick. */
struct task *user__profile(u32 tgid, struct world *world);
/* Outcomes so far. */
u64 outcome_cnt(enum abi_outcome outcome);
u64 wait_outcome_cnt(enum abi_outcome outcome); /* … of waits; the other ones are of CPU time */
struct abi_wait_counts wait_counted(void);
/* The last record of that kind of a process; NULL: there is none. */
const void *last_record(enum abi_record kind, u32 tgid);
u32 record_cnt(enum abi_record kind);
/* The entry in `procs`. */
struct abi_proc *proc_of(const struct task *t);
const struct abi_frame *frames_of(const struct abi_sample *s);
/* Is frame `i` of the sample known by a name, and is it this? */
bool frame_is(const struct abi_sample *s, u32 i, const char *name);
/* A fresh process's memory, with an idle interpreter at the very addresses of the other one's. Freed at shutdown. */
struct world *another_world(const struct world *like);
