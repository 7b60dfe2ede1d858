/*
 * On-CPU time: a timer on each CPU whose period is drawn anew now and then, because a fixed one falls in
 * step with programs that work at a regular beat and then sees them never or always.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct pybpfprof_bpf;
struct cpu_source;

struct cpu_source_options {
	double rate_hz;
	const char *const *cgroup_dirs; /* NULL: whatever runs on each CPU, filtered by BPF */
	size_t cgroup_cnt;
};

/* Opens and starts the timers. 0 or negative errno; what failed was said. */
int cpu_source__attach(struct pybpfprof_bpf *skel, const struct cpu_source_options *o,
		       struct cpu_source **out);
/* Stops the timers; what they counted stays. Legal on NULL. */
void cpu_source__detach(struct cpu_source *s);
/* Stops and frees; legal on NULL. */
void cpu_source__free(struct cpu_source *s);

/* Draws new periods where enough ticks have passed, follows CPUs that come and go; call it each time the ring buffer is drained. */
void cpu_source__tend(struct cpu_source *s, uint64_t now_ns);

/* Scoped timers: the `i`th cgroup's is made anew, since its directory was. 0 or negative errno. */
int cpu_source__renew_cgroup(struct cpu_source *s, size_t i, const char *dir);

/* Over all CPUs. Of the timers' expiries, and of the program that they run: parties that do not know of each other. */
struct cpu_source_counts {
	uint64_t due, due_ns; /* periods that were over while their CPU was not idle; time of these and of the idle ones */
	uint64_t not_run;     /* a program that should have run when the timers were closed, and had not */
	uint64_t ticks, value_ns;
	uint64_t throttled;   /* scoped timers: periods that the kernel throttled them for, which are not in `due` */
	uint64_t came;	      /* periods, at most, of CPUs that had no timer yet; not in `due` either */
};
void cpu_source__counts(const struct cpu_source *s, struct cpu_source_counts *out);

/* A third party: perf's own clocks of all events. Each CPU is interrupted to ask it, so not for every poll. */
struct cpu_source_times {
	uint64_t running_ns, throttled_ns;
};
void cpu_source__times(const struct cpu_source *s, struct cpu_source_times *out);
