/* The process images of a session, by the id the kernel side gives each (new at fork and at exec). */
#pragma once
#include "user/target/interpreters.h"
#include <stdbool.h>
#include <uthash.h>

/* A thread's number is given to another one as soon as it has ended; the two have other starts. */
struct process_thread_key {
	uint64_t start_ns; /* CLOCK_BOOTTIME */
	uint64_t tid;
};

struct process_thread {
	UT_hash_handle hh, hh_ident;
	struct process_thread_key key;
	uint32_t profile_id;
	uint64_t ident; /* pthread_self() */
	char comm[ABI_COMM + 1]; /* the kernel's name, when it was met */
	char *name;	/* as the profile has it */
	bool named;	/* it is Python's own, or was in the parent */
	bool over;	/* its number was given to another thread */
	uint32_t reading; /* of names, in which it was found last */
	uint32_t tries; /* times that it was looked for in vain */
	struct process_thread *next_unnamed;
};

struct process {
	UT_hash_handle hh;
	uint32_t image_id, parent_image_id;
	pid_t pid, ppid;
	uint64_t start_ns; /* CLOCK_BOOTTIME; 0 unknown */
	char *command, *cgroup;
	const struct interpreter *interp; /* NULL: none found (yet) */
	uint64_t runtime_addr;		  /* 0: not known to user space */
	enum abi_proc_state state;
	uint64_t look_ns; /* its mappings are not searched again before */
	bool exited, described; /* described: the profile has it as it is now */
	uint32_t profile_id;
	struct process_thread *threads;
	struct process_thread *by_ident; /* those of them that had an ident last */
	struct process_thread *unnamed;	/* those of them whose names are still looked for */
	uint64_t read_names_ns;		/* when names of new threads may be asked for again … */
	uint64_t renamed_ns;		/* … when those of all are … */
	uint64_t renamed_wait_ns;	/* … and how long that is after the last time */
	bool ran;			/* since then */
	uint64_t active_addr;		/* of threading._active; 0 not known */
	uint64_t cpu_from_ns, cpu_ns;	/* the kernel's clock of its CPU time: when sampling or the image began, and now */
	bool cpu_known, cpu_final;	/* there are such; and they will not change any more */
	uint64_t sampled_ns;		/* what all its ticks stood for */
	uint64_t written;			 /* stacks */
	uint64_t unwalked[ABI_OUTCOME_CNT];	 /* ticks without one, by outcome */
};

struct processes;

struct processes *processes__new(void);
void processes__free(struct processes *t);
/* By image id; made when unknown (a record was lost, or user space is the first to name it). */
struct process *processes__get(struct processes *t, uint32_t image_id, pid_t pid);
struct process *processes__find(const struct processes *t, uint32_t image_id);
/* It has ended, and nothing waits for it any more: it is kept as a line in the summary, without its threads. */
void processes__retire(struct processes *t, uint32_t image_id);
/*
 * The kernel's clocks as sampling begins: of those known already, and of all others that were noted, in case that one
 * of them turns out to be a target. Gives what was noted for `pid`; false when nothing was.
 */
void processes__note(struct processes *t, pid_t pid);
void processes__begin(struct processes *t);
bool processes__cpu_at_start(const struct processes *t, pid_t pid, uint64_t *cpu_ns);
/* Not reaped yet, and its number not another's. */
bool process__is_there(const struct process *p);
/* Reads the clock of one that is not reaped yet; false when there is nothing to be read, or no more. */
bool process__read_cpu(struct process *p);
/* CPU time while it was sampled, 0 unknown. */
uint64_t process__cpu_used(const struct process *p);
/* Calls `fn` for each: those that live (and are looked at all the time), or all, the retired first. */
void processes__each_living(const struct processes *t, void (*fn)(void *ctx, struct process *p), void *ctx);
void processes__each(const struct processes *t, void (*fn)(void *ctx, struct process *p), void *ctx);
