/* SPDX-License-Identifier: MIT */
/*
 * The life of a recording: open (load, choose targets) → start (attach) → poll … → stop. Single-threaded:
 * everything happens inside these calls.
 */
#pragma once
#include "user/os/causes.h"
#include "user/profile/sink.h"
#include "user/resolve/resolve.h"
#include "user/source/source.h"
#include <stdbool.h>
#include <sys/types.h>

enum session_target { SESSION_PIDS, SESSION_CGROUPS, SESSION_ALL };

/* A thread that did not run while it was read. */
struct session_frame {
	const char *name, *file, *module;
	int32_t first_line, line;
};
struct session_thread {
	pid_t tid;
	const char *name;
	uint64_t ident, switches; /* pthread_self(); away from it so far */
	bool holds_gil, stopped;  /* else it sleeps */
	struct call_wait wait;
	const struct session_frame *frames; /* leaf first */
	size_t frame_cnt;
};
/* Calls `fn` for each thread of a Python process that does not run. */
typedef void (*session_look_fn)(pid_t pid, void (*fn)(void *ctx, const struct session_thread *t), void *ctx);

struct session_options {
	enum session_target target;
	const uint32_t *pids;
	size_t pid_cnt;
	bool tree;                  /* with SESSION_PIDS: their descendants too */
	const char *const *cgroups; /* paths as given by the user */
	size_t cgroup_cnt;
	const char *const *containers; /* beginnings of ids and names, with SESSION_CGROUPS too */
	size_t container_cnt;
	bool scoped; /* cgroup-scoped timers instead of CPU-wide ones */
	const struct source *const *events;
	size_t event_cnt; /* 0: the first of the table */
	double rate_hz;
	bool gil_only;
	bool native, native_all; /* frames of C code; also those of the interpreter's own */
	bool no_kernel;          /* of them, without the kernel's */
	uint32_t max_frames;     /* 0: ABI_MAX_FRAMES */
	size_t ring_bytes;       /* 0: by rate and CPUs */
	bool identify;           /* what services processes say they are (user/target/identity.h) */
	bool allow_no_python;    /* a command that is yet to be started */
	bool no_task_work;       /* for tests: do without the kernel's newest features … */
	bool old_kernel;         /* … and without those that 5.10 lacks */
	const char *btf;         /* file with the kernel's types; NULL: the kernel's own */
	uint32_t max_processes;  /* for tests: that the kernel side has room for; 0: ABI_MAX_PROCS */
	bool frugal;             /* for who samples for ever: names of threads are asked for more rarely */
	size_t code_bytes;       /* for tests: what is kept of code objects of processes that live; 0: 16 MB */
	const char *command;     /* our own command line, for the recording */
	const char *target_text; /* what is profiled, for titles */
	session_look_fn look;    /* stacks of threads that sleep when sampling ends; NULL: they are lost */
};

struct session_stats {
	uint64_t ticks;                     /* as the sources say that they were due */
	uint64_t outcomes[ABI_OUTCOME_CNT]; /* as they were decided */
	uint64_t sent;                      /* outcomes with a record */
	uint64_t received;                  /* sample records that arrived */
	uint64_t bad_records;
	uint64_t written, native, lost, failed, outside, filtered; /* sums of outcomes by class */
	uint64_t timer_ns; /* what the timers' expiries stand for, idle CPUs and all */
	double rate_hz, effective_rate_hz;
	bool gil_only, unwinds; /* --native */
	uint64_t elapsed_ns;
	uint32_t cpus;
	int32_t targets_alive; /* chosen processes and their trees; SESSION_PIDS only */
	uint64_t cgroups_made; /* times that a chosen one was made anew */
	const struct resolve_stats *resolved;
};

struct session;

/*
 * Loads the kernel side and chooses the targets. 0, or: -EPERM a capability is missing, -EOPNOTSUPP the
 * kernel lacks something, -ESRCH no such target, -ENOENT no Python in the target, -ENODATA only Pythons
 * that cannot be walked, else a failure. The reason was said.
 */
int session__open(const struct session_options *o, struct profile_sink sink, struct session **out);
/* Attaches and begins to sample. */
int session__start(struct session *s);
/* Becomes readable when the kernel side has much to drain. */
int session__fd(const struct session *s);
/* Drains, names, passes on; call it at least every few hundred ms. Negative errno when the sink fails. */
int session__poll(struct session *s);
/* Sends the meta record as things stand now; `complete` with the last one. */
void session__send_meta(struct session *s, bool complete);
/* Ends the segment that the sink had, with its meta record, and goes on in another: `sink` knows nothing yet. */
void session__begin_segment(struct session *s, struct profile_sink sink);
/* Takes no more samples; what there is of them is sent by __stop. */
void session__detach(struct session *s);
/* Detaches, drains the rest, sends the final meta. */
void session__stop(struct session *s);
void session__free(struct session *s);

/* Which variant of the BPF object was loaded, in plain words. */
const char *session__variant(const struct session *s);
/* Can a sampled task bring in what of its memory is swapped out? */
bool session__brings_in(const struct session *s);
void session__stats(const struct session *s, struct session_stats *out);
/* perf's own clock of the timers, and what the kernel throttled them for. Interrupts each CPU while they run. */
void session__times(const struct session *s, uint64_t *running_ns, uint64_t *throttled_ns);
/*
 * What the BPF programs took so far, and how often they ran; false where the kernel does not measure it (sysctl
 * kernel.bpf_stats_enabled).
 */
bool session__bpf_time(const struct session *s, uint64_t *ns, uint64_t *runs);
/* Summaries of the processes that ended too long ago to be kept: `fn` below is not called for them. */
const struct processes_past *session__past(const struct session *s);
/* Calls `fn` for each process image seen, of those that have ended for the latest only. */
void session__each_process(const struct session *s, void (*fn)(void *ctx, struct process *p), void *ctx);
/* With SESSION_CGROUPS: is one of them there now? */
bool session__has_cgroups(const struct session *s);
/* Python children of the chosen pids that were left out because --subprocesses was not given. */
size_t session__children_left_out(const struct session *s);
/*
 * CPU time in ns, in steps of 10 ms, of children of the one chosen pid that have ended meanwhile, Python or not, and were
 * left out; 0 of several, and of one that is gone itself.
 */
uint64_t session__children_cpu(const struct session *s);
