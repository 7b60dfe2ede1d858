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
/* Stops and frees; legal on NULL. */
void cpu_source__detach(struct cpu_source *s);

/* Draws new periods where enough ticks have passed; call it each time the ring buffer is drained. */
void cpu_source__redraw(struct cpu_source *s, uint64_t now_ns);
/* Ticks per second of busy CPU, as achieved; 0 before the first. */
double cpu_source__effective_rate(const struct cpu_source *s);
