/*
 * The reader of our JSON, between its two halves: json_read.c goes through the file, json_ids.c
 * gives ids to what it finds and tells the sink.
 */
#pragma once
#include "user/format/json/json_parse.h"
#include "user/util/pair_map.h"

struct json_reader {
	int fd;
	char *path;
	struct json_items items;
	/* the tables of the file */
	struct json_process *processes;
	struct json_thread *threads;
	struct json_function *functions;
	struct json_loss *losses;
	size_t processes_cnt, processes_cap, threads_cnt, threads_cap;
	size_t functions_cnt, functions_cap, losses_cnt, losses_cap;
	uint32_t variant; /* how many of the function being read were seen */
	/* what was given ids so far; ids of the tables' rows are their positions + 1 */
	struct pair_map pids;           /* (0, pid) → process */
	struct pair_map thread_ids;     /* (process, thread_id) → thread */
	struct pair_map variants;       /* (name, variant) → function */
	struct pair_map frames, stacks; /* (function, line), (parent, frame) */
	uint32_t process_cnt, thread_cnt, function_cnt, frame_cnt, stack_cnt;
	uint64_t default_ns, first_ns, last_ns;
	bool is_default_used;
	struct profile_sink sink;
	/* a later pass: nothing is new any more, and samples go here */
	profile_sample_fn fn;
	void *fn_arg;
	int fn_result;
	char error[256];
};

static inline const char *json_text(const struct json_reader *r, uint32_t id)
{
	return intern__bytes(r->items.names, id, NULL);
}

/* Settings; told again at the end, when the times of the samples are known. */
void json_tell_meta(struct json_reader *r);
/* Processes, threads, functions and losses of the file's tables. 0 or -EINVAL (said). */
int json_tell_tables(struct json_reader *r);

/* Ids of what samples refer to, made up on sight; in a later pass 0 for what is new. */
uint32_t json_thread_of(struct json_reader *r, uint32_t pid, uint32_t thread_id);
uint32_t json_function_of(struct json_reader *r, uint32_t name, uint32_t variant);
uint32_t json_frame_of(struct json_reader *r, uint32_t function, int32_t line);
uint32_t json_stack_of(struct json_reader *r, uint32_t parent, uint32_t frame);
