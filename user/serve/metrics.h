/* SPDX-License-Identifier: MIT */
/* The daemon's numbers as Prometheus reads them (text format 0.0.4). Pure: whoever has the numbers fills the struct. */
#pragma once
#include "user/util/buf.h"
#include <stddef.h>
#include <stdint.h>

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* A number under a label's value: an outcome, a type, a reason. */
struct metrics_count {
	const char *label;
	uint64_t n;
};
struct metrics_counts {
	const struct metrics_count *items;
	size_t cnt;
};

struct metrics_drop {
	const char *why;
	uint64_t bodies, samples;
};

/* One destination. put = sent + dropped + refused + what waits, of bodies and of samples. */
struct metrics_push {
	const char *backend, *host; /* "pyroscope", "host:4040" without user, password and path */
	uint64_t put_bodies, put_samples;
	uint64_t sent_bodies, sent_samples, sent_bytes;
	const struct metrics_drop *drops;
	size_t drop_cnt;
	uint64_t refused_bodies, refused_samples; /* by the server, for good */
	uint64_t left_out_profiles;               /* of bodies that were sent */
	uint64_t queue_bodies, queue_samples, queue_bytes, spool_bytes;
	uint64_t requests, retries, connect_failures;
	uint64_t answers[6];        /* by their first digit; 0: none came */
	uint64_t last_sent_unix_ns; /* 0: never */
};

/* Counters begin at 0 with the daemon and never fall. */
struct serve_metrics {
	const char *version, *kernel, *http; /* "0.1.0", "6.12.1", "libcurl 7.88.1" */
	uint64_t up;                         /* 1: it samples */
	uint64_t start_unix_ns;
	uint64_t targets,
		processes; /* chosen ones (containers, cgroups, or 1 for all), and processes known to be Python */

	uint64_t ticks_due;            /* as the sources say; = the sum of `ticks` */
	struct metrics_counts ticks;   /* by bpf/outcomes.h */
	struct metrics_counts samples; /* by type of value: "cpu" … */
	struct metrics_counts losses;  /* samples that are missing or degraded, by reason */
	uint64_t stacks;               /* different ones in the last window */
	uint64_t windows, window_ns;   /* handed over, and how long one is */
	uint64_t last_window_unix_ns;  /* when the last one ended; 0: none yet */
	uint64_t window_late_ns;       /* from its end until it was handed over */

	const struct metrics_push *pushes;
	size_t push_cnt;

	uint64_t series, folded_samples, left_out_processes, left_out_samples; /* see user/push/naming.h */
	uint64_t files_written, files_kept, files_kept_bytes, files_removed, file_errors;

	uint64_t user_ns, system_ns; /* CPU time, children's too */
	uint64_t rss_bytes, peak_rss_bytes;
	uint64_t bpf_runs,
		bpf_run_ns; /* 0 runs: the kernel does not count (kernel.bpf_stats_enabled), and nothing is said */
};

void metrics_put(const struct serve_metrics *m, struct buf *out);
