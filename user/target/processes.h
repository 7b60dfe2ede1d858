/* SPDX-License-Identifier: MIT */
/* The process images of a session, by the id the kernel side gives each (new at fork and at exec). */
#pragma once
#include "user/target/containers.h"
#include "user/target/interpreters.h"
#include <stdbool.h>
#include <uthash.h>

#define PROCESS_RIGHTS 128

struct process {
	UT_hash_handle hh;
	uint32_t image_id, parent_image_id;
	pid_t pid, ppid;
	uint64_t start_ns; /* CLOCK_BOOTTIME; 0 unknown */
	char *command, *cgroup;
	struct container *container; /* held; NULL: none that is known */
	uint32_t moves;              /* times that it was found elsewhere than before */
	uint64_t place_look_ns,
		place_rest_ns;   /* when it is looked for again (CLOCK_MONOTONIC), and how long after the last time */
	bool identified;         /* what follows was looked for (user/target/identity.h) */
	char *service, *program; /* NULL: none, or the command says it */
	pid_t inner_pid;         /* in the PID namespace that it lives in; 0: as here, or unknown */
	bool own_root;           /* paths mean the same files to it as to us */
	uint64_t code_start_ns;  /* of the first of those that were forked one from the other; 0 not looked for */
	char rights[PROCESS_RIGHTS];      /* as procfs_rights(), as many groups as there is room for; "" unknown */
	const struct interpreter *interp; /* NULL: none found (yet) */
	uint64_t runtime_addr;            /* 0: not known to user space */
	enum abi_proc_state state;
	uint64_t look_ns;                     /* its mappings are not searched again before */
	uint64_t asyncio_ns, asyncio_rest_ns; /* nor looked through for asyncio, and so long from then on */
	bool exited;
	uint32_t revision; /* goes up when something is known better and has to be sent again */
	uint64_t cpu_from_ns,
		cpu_ns;            /* the kernel's clock of its CPU time: when sampling or the image began, and now */
	bool cpu_known, cpu_final; /* there are such; and they will not change any more */
	uint64_t sampled_ns;       /* what all its ticks stood for */
	uint64_t samples;          /* that are shown … */
	uint64_t written;          /* … and those of them that are stacks of Python functions */
	uint64_t unwalked[ABI_OUTCOME_CNT]; /* ticks without one, by outcome */
};

struct processes;

/* `root`: as containers__new(). */
struct processes *processes__new(const char *root);
void processes__free(struct processes *t);
struct containers *processes__containers(const struct processes *t);
/* Is the service to be read that each process says it is? Not unless this was called. */
void processes__identify(struct processes *t);
bool processes__identifies(const struct processes *t);
/* By image id; made when unknown (a record was lost, or user space is the first to name it). */
struct process *processes__get(struct processes *t, uint32_t image_id, pid_t pid);
struct process *processes__find(const struct processes *t, uint32_t image_id);
/* It has ended, and nothing waits for it any more: it is kept as a line in the summary. */
void processes__retire(struct processes *t, uint32_t image_id);
/* The one that retired first, where there are more than a summary can show; NULL: none. */
struct process *processes__overdue(const struct processes *t);
/* Forgets one that has retired; what it has in common with others stays known. */
void processes__fold(struct processes *t, struct process *p);

#define PROCESSES_VERSIONS 32

/* Sums over the processes that were folded. */
struct processes_past {
	uint64_t clock_ns, sampled_ns; /* of those with a clock */
	size_t python;
	struct {
		char version[sizeof(((struct py_build *)0)->version)];
		size_t cnt; /* processes with at least one sample */
	} versions[PROCESSES_VERSIONS];
	size_t version_cnt;
};

const struct processes_past *processes__past(const struct processes *t);
/* Counts one more process of this version. */
void processes_past_count(struct processes_past *past, const char *version, size_t cnt);
/*
 * The kernel's clocks as sampling begins: of those known already, and of all others that were noted, in case that one
 * of them turns out to be a target. Gives what was noted for `p`; false when nothing was.
 */
void processes__note(struct processes *t, pid_t pid, uint64_t start_ns);
void processes__begin(struct processes *t);
bool processes__cpu_at_start(const struct processes *t, const struct process *p, uint64_t *cpu_ns);
/* Not reaped yet, and its number not another's. */
bool process__is_there(const struct process *p);
/* Reads the clock of one that is not reaped yet; false when there is nothing to be read, or no more. */
bool process__read_cpu(struct process *p);
/* CPU time while it was sampled, 0 unknown. */
uint64_t process__cpu_used(const struct process *p);
/* Calls `fn` for each: those that live (and are looked at all the time), or all, the retired first. */
void processes__each_living(const struct processes *t, void (*fn)(void *ctx, struct process *p), void *ctx);
void processes__each(const struct processes *t, void (*fn)(void *ctx, struct process *p), void *ctx);
