/* SPDX-License-Identifier: MIT */
/*
 * Our JSON and our JSONL tell the same with the same keys: here are the tables and members of both. In JSON a table is a
 * list of the document, in JSONL its rows are documents that say their type.
 */
#pragma once
#include "user/profile/cpu_check.h"
#include "user/profile/totals.h"
#include "user/util/json_put.h"

struct json_rows {
	struct json_put json;
	const struct profile *p;
	const struct view *v;
	struct view all; /* with the samples of every type */
	bool is_lines;
};

/* A row of a table, up to its id. */
void json_row_begin(struct json_rows *w, const char *type);
void json_row_end(struct json_rows *w, uint64_t id);

/* Members that say what was recorded. `all`: over all samples of the view. */
void json_rows_meta(struct json_rows *w, const char *schema, const struct totals_row *all);
/* Value types, processes, threads, tasks and labels. */
void json_rows_tables(struct json_rows *w);
void json_rows_losses(struct json_rows *w);

/* Members of a function, and of a sample but for its stack. */
void json_row_totals(struct json_rows *w, const struct totals_row *row);
void json_row_function(struct json_rows *w, const struct profile_function *f);
void json_row_sample(struct json_rows *w, const struct profile_sample *s);

/* Sums of a view, by a group of functions: `group_of` is by function, NULL: each is its own. */
struct totals *json_rows_count(const struct json_rows *w, const struct view *v, const uint32_t *group_of, uint32_t cnt);
