/* SPDX-License-Identifier: MIT */
/*
 * Sources of samples are rows of a table, one file each, ending in one `const struct source`: what is sampled at, which
 * programs of the kernel side that takes, and what is known of how often they should have run.
 */
#pragma once
#include "bpf/abi.h"
#include "user/profile/sink.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pybpfprof_bpf;
struct source_run; /* one that is attached; each row has its own kind */

/* Something of the kernel, or of how it was built. */
struct source_need {
	const char *name, *remedy;
	bool (*is_there)(void);
};

struct source_options {
	double rate_hz;
	const char *const *cgroup_dirs; /* NULL: whatever runs on each CPU, filtered by BPF */
	size_t cgroup_cnt;
	bool no_task_work; /* the kernel has none, or it is not used */
};

/* Over all CPUs, since it was attached. */
struct source_counts {
	uint64_t due;    /* times that there should have been a sample, those that no program ran for included … */
	uint64_t due_ns; /* … and the time that they stand for, of idle CPUs too; 0: they stand for no time */
	uint64_t ticks, value;              /* times that the program ran, and the sum of what these stood for */
	uint64_t each;                      /* what one stands for that nothing else is known of */
	uint64_t outcomes[ABI_OUTCOME_CNT]; /* of those that are due, what the kernel side cannot count */
};

/* perf's clocks of the events: a party that knows nothing of the two sums above. */
struct source_times {
	uint64_t running_ns, throttled_ns;
};

/* A thread that waited as the source was detached; it may have gone on since. */
typedef void (*source_open_fn)(void *ctx, uint32_t tid, const struct abi_thread_wait *wait);

struct source {
	const char *name, *help; /* --event NAME */
	enum abi_source id;
	const struct profile_value_type
		*types; /* by the number that the kernel side gives; their ids are each profile's */
	size_t type_cnt;
	bool is_cpu_time;            /* of their values: the kernel's clocks of processes tell their sum, too */
	const char *const *programs; /* that are loaded for it, NULL-terminated */
	const struct source_need
		*needs; /* beside what every recording needs; ends with one without a name. NULL: nothing */

	/* Before the programs are loaded: knobs of its own. May be NULL. */
	void (*configure)(struct pybpfprof_bpf *skel, const struct source_options *o);
	/* Begins to sample. 0 or negative errno; what failed was said. */
	int (*attach)(struct pybpfprof_bpf *skel, const struct source_options *o, struct source_run **out);
	/* Ends it; what was counted stays. */
	void (*detach)(struct source_run *r);
	/* The same, and frees. */
	void (*free)(struct source_run *r);
	void (*counts)(const struct source_run *r, struct source_counts *out);

	/* The rest may be NULL. Time passes: called each time that the ring buffer is drained. */
	void (*tend)(struct source_run *r, uint64_t now_ns);
	/* The `i`th of the options' cgroups is made anew, since its directory was. 0 or negative errno. */
	int (*renew_cgroup)(struct source_run *r, size_t i, const char *dir);
	/* A thread that has waited since before it was attached; of no effect on one that has run since. */
	void (*add_open)(struct source_run *r, uint32_t tid, const struct abi_thread_wait *wait);
	/* Once detached: each thread that was seen; `since_ns` of one that is in no wait of this source is 0. */
	void (*each_open)(const struct source_run *r, source_open_fn fn, void *ctx);
	/* May interrupt each CPU, so not for every poll. */
	void (*times)(const struct source_run *r, struct source_times *out);
};

#define X(NAME, name) extern const struct source source_##name;
ABI_SOURCES(X)
#undef X
extern const struct source *const sources[ABI_SOURCE_CNT + 1]; /* by enum abi_source; NULL-terminated */
extern const struct source *const wall_sources[]; /* that together see all of a thread's time; NULL-terminated */
