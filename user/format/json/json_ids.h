/* SPDX-License-Identifier: MIT */
/* The reader of our JSON: json_read.c goes through the file, json_ids.c gives ids to what samples name. */
#pragma once
#include "user/profile/sink.h"
#include "user/profile/profile.h"
#include "user/util/intern.h"
#include "user/util/json_get.h"
#include "user/util/pair_map.h"

enum { JSON_TABLES = 9 };

struct json_reader {
	int fd;
	char *path;
	struct json_get json;
	struct intern *texts; /* all that were read: those of the model point to them */
	struct profile_sink sink;
	struct profile_meta meta;
	const char *schema, *process_name;
	struct json_mark tables[JSON_TABLES]; /* where they begin; line 0: there is none */
	uint32_t table_threads;               /* threads of the file's table */
	/* what was given ids so far; ids of the tables' rows are their positions + 1 */
	struct pair_map pids;           /* (0, pid) → process */
	struct pair_map thread_ids;     /* (process, text of the thread_id) → thread */
	struct pair_map variants;       /* (name, variant) → function */
	struct pair_map frames, stacks; /* (function, line), (parent, frame) */
	uint32_t type_cnt, process_cnt, task_cnt, thread_cnt, function_cnt, frame_cnt, stack_cnt;
	uint64_t function_samples, function_ns;
	uint64_t default_ns, first_ns, last_ns;
	bool is_default_used;
	/* lists of the sample at hand: ids of names, lines, which of the functions of a name */
	struct json_list {
		int64_t *items;
		size_t cnt, cap;
	} stack, lines, which;
	/* a later pass: nothing is new any more, and samples go here */
	profile_sample_fn fn;
	void *fn_arg;
	int fn_result;
};

static inline const char *json_text(const struct json_reader *r, uint32_t id)
{
	return intern__bytes(r->texts, id, NULL);
}

/* The process of a pid, made up on sight; in a later pass 0 for what is new, as in all of these. */
uint32_t json_process_of(struct json_reader *r, uint32_t pid);
uint32_t json_thread_of(struct json_reader *r, uint32_t process, uint32_t thread_id);
uint32_t json_function_of(struct json_reader *r, uint32_t name, uint32_t variant);
uint32_t json_frame_of(struct json_reader *r, uint32_t function, int32_t line);
uint32_t json_stack_of(struct json_reader *r, uint32_t parent, uint32_t frame);

/* What the file defines: gives it the next id. `thread_id` is a text, others have words. */
void json_add_process(struct json_reader *r, struct profile_process *p);
void json_add_thread(struct json_reader *r, struct profile_thread *t, uint32_t thread_id);
/* `name` is "module.qualname"; the model has the two apart. */
void json_add_function(struct json_reader *r, struct profile_function *f, uint32_t name, uint32_t variant);
