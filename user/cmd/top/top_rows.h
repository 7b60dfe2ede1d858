/* SPDX-License-Identifier: MIT */
/*
 * The table of `top`: the model's buckets added up as the lens says. Pure; the screen and the plain table show the same
 * rows.
 */
#pragma once
#include "user/cmd/top/top_model.h"

/* By tree: processes below their parents, whose totals are those of all below them. */
enum top_group { TOP_BY_FUNCTION, TOP_BY_PROCESS, TOP_BY_TREE, TOP_BY_THREAD, TOP_BY_CONTAINER, TOP_GROUPS };
enum top_column { TOP_OWN_NOW, TOP_TOTAL_NOW, TOP_OWN, TOP_TOTAL, TOP_GIL, TOP_NAME, TOP_COLUMNS };

struct top_lens {
	enum top_group group;
	bool lines;   /* rows are lines instead of functions */
	bool threads; /* a row for each thread */
	/* Only of one process or thread (ids; 0: all). */
	uint32_t only_process, only_thread;
	uint32_t only_tree;      /* of one process and those below it */
	uint32_t only_container; /* the same, by the process that stands for it (user/profile/process_groups.h) */
	uint32_t focus;          /* a location: its callers, itself, its callees; 0: the whole table */
};

/* In the order in which they are shown. */
enum top_role { TOP_CALLER, TOP_PLAIN, TOP_CALLEE };

struct top_row {
	enum top_role role; /* TOP_PLAIN also for the one whose callers and callees these are */
	uint32_t frame;     /* the location, see top_rows__location; 0 with processes and threads */
	/* Ids; 0: all. Of a container the process that stands for it; of a tree one of user/profile/process_tree.h */
	uint32_t process, thread;
	unsigned depth; /* in a tree */
	struct top_sums own, total;
	uint64_t visit; /* the last stack that counted it */
};

struct top_rows;

/* `m` outlives it. */
struct top_rows *top_rows__new(struct top_model *m);
void top_rows__free(struct top_rows *r);

/* Changes the lens; everything is added up anew. */
void top_rows__look(struct top_rows *r, const struct top_lens *lens);
/* Settles the model and takes what is new. */
void top_rows__update(struct top_rows *r, uint64_t now_ns);
const struct top_lens *top_rows__lens(const struct top_rows *r);

/*
 * An extended regular expression that the text of a row must contain, letters in any case unless one is
 * upper case; NULL or "": all. -EINVAL and a sentence in `*why` (the caller frees) when it is none.
 */
int top_rows__filter(struct top_rows *r, const char *regex, char **why);
const char *top_rows__filter_text(const struct top_rows *r);

struct top_order {
	enum top_column column;
	bool reverse;
};
/* Rows that pass the filter (callers and callees all do), in order: callers, the table itself, callees; of trees parents before their children. Valid until the next call. */
struct top_row *const *top_rows__sorted(struct top_rows *r, struct top_order order, size_t *cnt);
/* The sorted row of the same location, process and thread as `like`; its index or -1. */
long top_rows__find(const struct top_rows *r, const struct top_row *like);

/* The function or line that a frame is of, as the frame that stands for all of the same name. */
uint32_t top_rows__location(struct top_rows *r, uint32_t frame, bool lines);
