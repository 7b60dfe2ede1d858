/* SPDX-License-Identifier: MIT */
/* perf_event_open for timers on the software CPU clock, and for page faults. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/*
 * A disabled cpu-clock event on `cpu` that ticks each `period_ns`. `cgroup_fd` -1: whatever runs on
 * the CPU; else a directory of the v2 hierarchy: only its tasks and its descendants'. fd or negative errno.
 */
int perf_open_clock(int cpu, uint64_t period_ns, int cgroup_fd);
/* An event that does nothing but be enabled, for as long as `cpu` is online without a break. fd or negative errno. */
int perf_open_witness(int cpu);
/*
 * A disabled event at each page fault that was answered on `cpu`: from memory, or (major) by a read from disk; in system
 * calls, too. As above.
 */
int perf_open_faults(int cpu, bool major, int cgroup_fd);
/* The next period; the part of the running one that has passed is thrown away. */
int perf_set_period(int fd, uint64_t period_ns);

/*
 * An event's own clocks, ns: how long it was enabled, of that how long its tasks ran (a CPU-wide one: always), of that
 * how long its timer did (not while it was throttled). A CPU that went offline has dropped its events: enabled_ns
 * stands still. 0 or negative errno.
 */
struct perf_times {
	uint64_t enabled_ns, running_ns, count_ns;
};
int perf_read_times(int fd, struct perf_times *out);
/* Ends an event, and adds how often it has happened. 0 or negative errno. */
int perf_end(int fd, uint64_t *cnt);

/* Calls `fn` for each CPU that is online. 0 or negative errno. */
int perf_online_cpus(int (*fn)(void *ctx, int cpu), void *ctx);
/* The kernel's limit on samples per second, 0 when unknown. */
uint64_t perf_max_rate(void);
/* kernel.perf_event_paranoid; 0 when it cannot be read. Debian's kernels know 3, Ubuntu's 4: CAP_SYS_ADMIN only. */
long perf_paranoid(void);
