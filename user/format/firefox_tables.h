/* SPDX-License-Identifier: MIT */
/*
 * The shared tables of a Firefox profile: strings, sources, functions, frames, stacks. Filled while
 * the threads are written, written behind them.
 */
#pragma once
#include "user/profile/function_ids.h"
#include "user/util/intern.h"
#include "user/util/json_put.h"
#include "user/util/pair_map.h"

struct firefox_row {  /* of the frame table and of the stack table */
	uint32_t of;  /* a frame: profile's frame; a stack: the row of its frame */
	uint32_t sub; /* a frame: its subcategory; a stack: the row of its prefix + 1, 0: none */
};

struct firefox_tables {
	const struct profile *p;
	const struct view *v;
	struct function_ids *function_ids;
	struct intern *texts;      /* id = index + 1 */
	struct intern *sources;    /* file names; the same */
	struct pair_map frame_ids; /* (frame, subcategory) → row + 1 */
	struct pair_map stack_ids; /* (stack, subcategory of its leaf) → row + 1 */
	struct firefox_row *frames, *stacks;
	size_t frame_cnt, frame_cap, stack_cnt, stack_cap;
	uint32_t *path; /* room for the stack at hand */
};

void firefox_tables__init(struct firefox_tables *t, const struct profile *p, const struct view *v);
void firefox_tables__free(struct firefox_tables *t);
/* The row of a text. */
uint32_t firefox_text(struct firefox_tables *t, const char *text);
/* The row of a stack that was sampled with this enum profile_gil. */
uint32_t firefox_stack(struct firefox_tables *t, uint32_t stack, unsigned gil);
/* The member "shared". */
void firefox_tables__write(struct firefox_tables *t, struct json_put *j);
/* "categories": by class of frame, each with a subcategory for each state of the GIL. */
void firefox_put_categories(struct json_put *j);
/* A column whose values are all the same. */
void firefox_put_constant(struct json_put *j, const char *name, size_t cnt, const char *json);
/* A time in milliseconds, exact. */
void firefox_put_ms(struct json_put *j, const char *key, int64_t ns);
