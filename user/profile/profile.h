/* SPDX-License-Identifier: MIT */
/*
 * The model every output is made from: tables of processes, threads, functions, frames and stacks,
 * samples added up per (thread, task, stack) and type, and the samples themselves one by one in the order of their
 * source. Nothing here knows of BPF, processes or CPython. All texts are clean UTF-8 (util/text.h)
 * and live as long as the profile. Table index = id; entry 0 of each table is unused.
 */
#pragma once
#include "user/profile/sink.h"
#include <stddef.h>

#define PROFILE_MAX_DEPTH 4096 /* frames of a stack; deeper ones are refused as damaged */

/* Samples of one thread with one stack, added up, apart by type and task. */
struct profile_bucket {
	uint32_t thread, stack, task;
	uint8_t type;
	bool idle; /* it is an idle wait: user/profile/waits.h */
	uint64_t samples, value;
	uint64_t gil_samples, gil_value; /* of these, holding the GIL … */
	uint64_t no_gil_value;           /* … and where there was none */
	uint64_t truncated;
};

/* The source of the single samples: a file that is read again, or memory. 0 or negative errno. */
typedef int (*profile_sample_fn)(void *arg, const struct profile_sample *s);
struct profile_samples {
	int (*each)(void *ctx, profile_sample_fn fn, void *arg);
	void (*free)(void *ctx);
	void *ctx;
};

struct profile {
	struct profile_meta meta;
	struct profile_process *processes;
	struct profile_thread *threads;
	struct profile_function *functions;
	struct profile_frame *frames;
	struct profile_stack *stacks;
	struct profile_bucket *buckets;   /* in order of first sight */
	struct profile_loss *losses;      /* merged by (process, reason, type); spans widened */
	struct profile_value_type *types; /* at least one */
	struct profile_task *tasks;
	struct profile_label *labels;                                                   /* by process and key */
	struct profile_source *sources;                                                 /* one per process and file */
	uint32_t process_cnt, thread_cnt, function_cnt, frame_cnt, stack_cnt, task_cnt; /* valid ids are 1..cnt */
	uint32_t type_cnt;                                                              /* valid ids are 0..cnt - 1 */
	size_t bucket_cnt, loss_cnt, label_cnt, source_cnt;
	uint64_t sample_cnt, truncated_cnt; /* over all buckets, whatever their types */
	struct profile_samples samples;
};

struct profile_builder;

/*
 * A sink that builds a profile. With `keep_samples` each sample is kept in memory (sources that cannot
 * be read again); otherwise the source sets `profile->samples` after profile_builder__finish.
 */
struct profile_builder *profile_builder__new(bool keep_samples);
struct profile_sink profile_builder__sink(struct profile_builder *b);
/* What there is so far; its tables are valid until the next call of the sink. Its ids may be dangling still. */
const struct profile *profile_builder__peek(const struct profile_builder *b);
/* Adds the last samples to the buckets, for those who look at them before the end. */
void profile_builder__flush(struct profile_builder *b);
/* After a flush: buckets of threads that have ended become one thread's, 0; see buckets__fold(). Never to be finished then. */
void profile_builder__fold(struct profile_builder *b, const bool *ended, uint32_t *moved);
/* Frees the builder. Never NULL; dangling ids were counted as loss "damaged". */
struct profile *profile_builder__finish(struct profile_builder *b);
void profile__free(struct profile *p);

/* Calls `fn` for each sample in the order recorded; stops at its first nonzero return and gives it. */
int profile__each_sample(const struct profile *p, profile_sample_fn fn, void *arg);

/* Frame ids of a stack, root first, into `out` (at most `max`, from the leaf on); returns how many. */
size_t profile__stack_frames(const struct profile *p, uint32_t stack, uint32_t *out, size_t max);
/* The most frames any stack has. */
size_t profile__max_depth(const struct profile *p);

/* The labels of a process, by key; how many is `*cnt`. */
const struct profile_label *profile__labels(const struct profile *p, uint32_t process, size_t *cnt);

/* Has it texts that processes had? */
bool profile__has_texts(const struct profile *p);

/* The type of that name; NULL when there is none. */
const struct profile_value_type *profile__type(const struct profile *p, const char *name);

/* The lowest frame id of a function; 0 when it has none. */
uint32_t profile__first_frame(const struct profile *p, uint32_t function);
