/* SPDX-License-Identifier: MIT */
/* The chosen sources at work, and what both sides count of them: ticks by outcome, and those that gave no record. */
#pragma once
#include "user/resolve/resolve.h"
#include "user/source/source.h"

struct events;

/* None chosen: the first of the table. `o` is copied, the strings that it points to are not. */
struct events *events__new(const struct source *const *chosen, size_t cnt, const struct source_options *o);
void events__free(struct events *e);

/* Which programs are loaded, and the room that each source needs. */
void events__configure(struct events *e, struct pybpfprof_bpf *skel, bool no_task_work);
/* They could not be loaded: says what the kernel lacks that they need. */
void events__explain(const struct events *e);
/* Tells what their samples are. */
void events__describe(const struct events *e, struct resolve *r);
/* Begins to sample; ticks without a record are told of from `now_ns` on (the kernel side's CLOCK_MONOTONIC). */
int events__start(struct events *e, struct pybpfprof_bpf *skel, uint64_t now_ns);
/* Whether any of them samples at points of time. */
bool events__have_timers(const struct events *e);
/* Ends it; what was counted stays. */
void events__stop(struct events *e);

/* What began before events__start(), and then, each thread that was seen, after events__stop(): where a source knows of such. */
void events__add_open(const struct events *e, uint32_t tid, const struct abi_thread_wait *wait);
bool events__have_open(const struct events *e);
void events__each_open(const struct events *e, source_open_fn fn, void *ctx);
/* What became of one of those; if it is lost, the resolver is told. */
void events__add(struct events *e, const struct lost_ticks *l, struct resolve *r, const uint64_t span_ns[2]);

void events__tend(struct events *e, uint64_t now_ns);
int events__renew_cgroup(struct events *e, size_t i, const char *dir);

/* Of all of them. */
struct events_counts {
	uint64_t due, due_ns; /* as in struct source_counts */
	uint64_t outcomes[ABI_OUTCOME_CNT];
	double rate_hz; /* ticks per second of the first one that stands for time, as achieved; 0: none yet */
};
void events__counts(const struct events *e, struct events_counts *out);
void events__times(const struct events *e, struct source_times *out);

/* Tells the resolver of ticks without a record that have come since. Those that may come back are no loss before the `last` time. */
void events__emit_lost(struct events *e, struct resolve *r, uint64_t now_ns, bool last);
