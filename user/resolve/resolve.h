/* SPDX-License-Identifier: MIT */
/*
 * Raw records → the profile's stream. A sample waits until the names of its code objects are here (they
 * follow it within microseconds, or when a system call ends); nothing is guessed meanwhile.
 */
#pragma once
#include "bpf/abi.h"
#include "user/profile/sink.h"
#include "user/resolve/codes.h"
#include "user/target/interpreters.h"
#include "user/target/processes.h"

struct resolve;

struct resolve_stats {
	uint64_t samples;                   /* with a stack, or shown as native … */
	uint64_t values[PROFILE_MAX_TYPES]; /* … and their sums, by value type */
	const struct profile_value_type *types;
	uint32_t type_cnt;
	uint64_t by_outcome[ABI_OUTCOME_CNT]; /* records received */
	uint64_t native[ABI_OUTCOME_CNT];     /* samples that are shown by outcome_frame() */
	uint64_t frames, unknown_frames;
	uint64_t processes;                    /* Python processes with at least one sample */
	uint64_t waiting;                      /* samples whose names are not here yet, or that may be invalidated */
	uint64_t clocks;                       /* processes that have ended and whose CPU time is not known yet */
	uint64_t invalidated[ABI_OUTCOME_CNT]; /* samples that came with this outcome, and were invalidated */
	uint64_t unwound
		[ABI_NATIVE_END_CNT]; /* samples that are shown, by how their native stack ended; but those that another thread read */
};

struct resolve *resolve__new(struct profile_sink sink, struct processes *processes,
			     const struct interpreters *interpreters);
void resolve__free(struct resolve *r);

/*
 * From here on the profile is another one, `sink`, which knows nothing yet: every segment of a stream stands by itself,
 * with ids of its own. Processes that are gone from the machine and from the segment are forgotten.
 */
void resolve__begin_segment(struct resolve *r, struct profile_sink sink);

/* CLOCK_MONOTONIC + this = Unix time. */
void resolve__set_clock(struct resolve *r, int64_t unix_offset_ns);

/* Samples will have native frames, of these; `all`: those of the interpreter's own between Python functions, too. */
struct natives_of;
void resolve__set_native(struct resolve *r, const struct natives_of *of, bool all);
/* As sampling ends: names that were asked for may still come, for so long. */
void resolve__wait_native(struct resolve *r, unsigned ms);

/* The value types of a source; one that was not added has CPU time. */
struct resolve_source {
	const struct profile_value_type *types; /* by abi_sample.type */
	size_t type_cnt;
	bool is_cpu_time; /* the kernel's clocks of processes tell their sum, too */
};
void resolve__add_source(struct resolve *r, enum abi_source source, const struct resolve_source *what);

/* Names of threads and texts are asked for a tenth as often: 0.1 % of a core each, not 1 %. */
void resolve__set_frugal(struct resolve *r);
/* As codes__set_limit(). */
void resolve__limit_codes(struct resolve *r, const struct codes_limit *limit);

/* Records; sizes were checked by drain. */
void resolve__process(struct resolve *r, const struct abi_proc_rec *rec);
void resolve__exit(struct resolve *r, const struct abi_exit *rec);
void resolve__code(struct resolve *r, const struct abi_code *rec);
/* One that user space read itself; keys of these are the caller's to make. */
void resolve__code_text(struct resolve *r, uint64_t code_key, uint32_t image_id, const struct code_text *text);
void resolve__lines(struct resolve *r, const struct abi_lines *rec);
void resolve__tasks(struct resolve *r, const struct abi_tasks *rec);
void resolve__sample(struct resolve *r, const struct abi_sample *rec);
void resolve__invalidate(struct resolve *r, const struct abi_invalidate *rec);
void resolve__cpu(struct resolve *r, const struct abi_cpu_rec *rec);
/* Sends the CPU time that the living processes have used, by the kernel's clock; `last`: as sampling ends. */
void resolve__read_cpu(struct resolve *r, bool last);

/*
 * After each batch: samples whose names came are sent on; those that waited too long go without. Losses
 * are sent with their spans. `now_ns` is CLOCK_MONOTONIC; `last` sends everything.
 */
void resolve__flush(struct resolve *r, uint64_t now_ns, bool last);
/* Ticks without a record in this span of CLOCK_MONOTONIC; image 0: nobody knows whose they were. */
struct lost_ticks {
	uint32_t image_id;
	enum abi_outcome outcome;
	uint8_t source, type; /* as in struct abi_sample */
	struct abi_lost ticks;
};
void resolve__lost(struct resolve *r, const uint64_t span_ns[2], const struct lost_ticks *lost);

const struct resolve_stats *resolve__stats(const struct resolve *r);
