/*
 * The table of `top`: what the model's buckets account for, looked at through a lens. Pure; the screen and
 * the plain table show the same rows.
 */
#pragma once
#include "user/cmd/top/top_model.h"

enum top_group { TOP_BY_FUNCTION, TOP_BY_PROCESS, TOP_BY_THREAD, TOP_GROUPS };
enum top_column { TOP_OWN_NOW, TOP_TOTAL_NOW, TOP_OWN, TOP_TOTAL, TOP_GIL, TOP_NAME, TOP_COLUMNS };

struct top_lens {
	enum top_group group;
	bool lines;   /* rows are lines instead of functions */
	bool threads; /* a row for each thread */
	/* Only of one process or thread (ids; 0: all). Threads that ended and were folded are in none. */
	uint32_t only_process, only_thread;
	uint32_t focus; /* code id: its callers, itself, its callees; 0: the whole table */
};

/* In the order in which they are shown. */
enum top_role { TOP_CALLER, TOP_PLAIN, TOP_CALLEE };

struct top_row {
	enum top_role role;	 /* TOP_PLAIN also for the one whose callers and callees these are */
	uint32_t code;		 /* what its place in the code is; 0 with processes and threads */
	uint32_t frame;		 /* one of that place */
	uint32_t process, thread; /* ids; 0: all, or of threads that ended */
	struct top_sums own, total;
	uint64_t visit; /* the last stack that counted it */
	uint8_t matches; /* of the filter: 0 not known, 1 no, 2 yes */
};

struct top_rows;

/* `m` outlives it. */
struct top_rows *top_rows__new(struct top_model *m);
void top_rows__free(struct top_rows *r);

/* What is counted; cheap while it stays the same, else everything is added up anew. */
void top_rows__look(struct top_rows *r, const struct top_lens *lens);
/* Takes what the model has as of now. */
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
/* Rows that pass the filter, in order: callers, the table itself, callees; valid until the next call. */
struct top_row *const *top_rows__sorted(struct top_rows *r, struct top_order order, size_t *cnt);
/* With a filter: does it pass? Callers and callees are shown also when they do not. */
bool top_rows__matches(struct top_rows *r, struct top_row *row);
/* The row about the same thing as `like` was, among the sorted; its index or -1. */
long top_rows__find(const struct top_rows *r, const struct top_row *like);

/* A frame that stands for this code id. */
uint32_t top_rows__code_frame(const struct top_rows *r, uint32_t code);
/* The code id of a frame's function, or of its line. */
uint32_t top_rows__code_of(struct top_rows *r, uint32_t frame, bool lines);
struct top_model *top_rows__model(const struct top_rows *r);
