/* SPDX-License-Identifier: MIT */
/*
 * perf events on each CPU that is online, of whatever runs there or one for each chosen cgroup, that run a program. CPUs come and
 * go meanwhile, and cgroups are made anew.
 */
#pragma once
#include "user/source/source.h"

#define CPU_EVENTS_KINDS 2

struct bpf_link;
struct bpf_program;

/* What a source makes of them. Those that are not said to be NULL are there. */
struct cpu_events_how {
	const struct bpf_program *program;
	size_t kinds;                  /* of events on each CPU, CPU_EVENTS_KINDS at most */
	const char *one, *one_of_many; /* "a timer", "timers": for messages */
	/* A disabled event. fd or negative errno. */
	int (*open)(void *ctx, int cpu, size_t kind, int cgroup_fd);
	void (*opening)(void *ctx, int cpu);                 /* before those of a CPU are; may be NULL */
	void (*closing)(void *ctx, int fd);                  /* the last look at one */
	void (*closed)(void *ctx, int cpu);                  /* all of a CPU's are; may be NULL */
	void (*came)(void *ctx, int cpu, uint64_t since_ns); /* the CPU, so long ago at most; may be NULL */
	void *ctx;
};

/* The events of one CPU. */
struct cpu_events_cpu {
	int cpu;
	bool online; /* in the list of the last look */
	bool open;   /* has its events, but those of cgroups that are gone */
	struct {
		int fd;
		struct bpf_link *link; /* NULL: there is none */
	} events[CPU_EVENTS_KINDS * ABI_MAX_CGROUPS];
	int witness;
};

/* For sources to look at. */
struct cpu_events {
	struct cpu_events_how how;
	struct pybpfprof_bpf *skel;
	struct cpu_events_cpu *cpus;
	size_t cnt, cap;
	size_t event_cnt; /* of a CPU */
	bool scoped;      /* they run only while the cgroup's tasks do */
	bool started;
	int cgroup_fds[ABI_MAX_CGROUPS];
	struct bpf_link *hotplug;
	uint32_t hotplug_steps; /* as of the last look */
	uint64_t checked_ns;
};

/* Opens them on all CPUs. 0 or negative errno; what failed was said. To be freed in any case. */
int cpu_events__open(struct cpu_events *e, struct pybpfprof_bpf *skel, const struct source_options *o,
		     const struct cpu_events_how *how);
void cpu_events__close(struct cpu_events *e);
void cpu_events__free(struct cpu_events *e);
/* Calls `fn` for each that is open. */
void cpu_events__each(const struct cpu_events *e, void (*fn)(void *ctx, int fd), void *ctx);
/* Looks now and then which CPUs there are. True: it has. */
bool cpu_events__tend(struct cpu_events *e, uint64_t now_ns);
/* As renew_cgroup of a source. */
int cpu_events__renew_cgroup(struct cpu_events *e, size_t i, const char *dir);
