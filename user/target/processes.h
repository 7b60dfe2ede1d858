/* The process images of a session, by the id the kernel side gives each (new at fork and at exec). */
#pragma once
#include "user/target/interpreters.h"
#include <uthash.h>

struct process_thread {
	UT_hash_handle hh;
	uint32_t tid, profile_id;
	uint64_t ident; /* pthread_self() */
	bool named;	/* Python's own name is known */
	uint32_t tries; /* times that it was looked for in vain */
	struct process_thread *next_unnamed;
	/* CPU time by the scheduler's clock, and what its samples were said to stand for; ns */
	uint64_t exec_first, exec_first_value, assigned;
	struct abi_unsent unsent; /* and what was lost of it, until a sample comes that is later; value_ns 0: nothing */
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
	bool exited, described; /* described: the profile has it as it is now */
	uint32_t profile_id;
	struct process_thread *threads;
	struct process_thread *unnamed; /* those of them whose names are still looked for */
	uint64_t read_names_ns;		/* when thread names may be asked for again */
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
/* Calls `fn` for each: those that live (and are looked at all the time), or all, the retired first. */
void processes__each_living(const struct processes *t, void (*fn)(void *ctx, struct process *p), void *ctx);
void processes__each(const struct processes *t, void (*fn)(void *ctx, struct process *p), void *ctx);
