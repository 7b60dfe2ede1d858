/* SPDX-License-Identifier: MIT */
/*
 * JSON Lines: one object per line, for jq, DuckDB and pandas; described by jsonl.schema.json. The
 * keys are those of our JSON. Whatever a line refers to by its id was defined by a line above it,
 * so one pass is enough; the last line is always of type `end`, and a file without it was cut.
 */
#include "user/format/format.h"
#include "user/format/json/json_rows.h"
#include "user/profile/function_ids.h"
#include "user/util/alloc.h"
#include "user/util/intern.h"
#include <errno.h>

#define JSONL_SCHEMA "pybpfprof-lines/1"

/* Ids in the file are from 0, as they are in our JSON; tables here are from 1, 0 for "not yet". */
struct frame_key {
	uint32_t function;
	int32_t line;
};

struct writer {
	struct json_rows rows;
	struct function_ids *functions;
	struct totals *totals; /* by function id */
	struct intern *frames; /* struct frame_key → frame */
	struct intern *lists;  /* frames of a stack → stack */
	uint32_t *stack_of;    /* by stack of the profile */
	uint32_t *ids;         /* room for the frames of one stack */
	uint64_t written;      /* samples */
};

static void put_meta(struct writer *w)
{
	json_row_begin(&w->rows, "meta");
	json_rows_meta(&w->rows, JSONL_SCHEMA, &w->totals->all);
	json_put_end_map(&w->rows.json);
}

static void put_functions(struct writer *w)
{
	for (uint32_t id = 1; id <= w->functions->cnt; id++) {
		uint32_t function = w->functions->function[id];

		json_row_begin(&w->rows, "function");
		json_put_text(&w->rows.json, "name", view__name(w->rows.p, function));
		json_row_function(&w->rows, &w->rows.p->functions[function]);
		json_row_totals(&w->rows, &w->totals->rows[id]);
		json_row_end(&w->rows, id - 1);
	}
}

/* ---- stacks ---------------------------------------------------------------------------------- */

static uint32_t frame_of(struct writer *w, uint32_t frame)
{
	const struct profile_frame *f = &w->rows.p->frames[frame];
	const struct frame_key key = {w->functions->of_function[f->function], f->line};
	uint32_t known = intern__count(w->frames), id = intern__id(w->frames, &key, sizeof(key));

	if (id > known) {
		json_row_begin(&w->rows, "frame");
		json_put_count(&w->rows.json, "function", key.function - 1);
		json_put_int(&w->rows.json, "line", key.line);
		json_row_end(&w->rows, id - 1);
	}
	return id;
}

/* A line for each stack that is new, below lines for its new frames. */
static void put_stack(struct writer *w, uint32_t stack)
{
	const struct profile *p = w->rows.p;
	size_t depth = profile__stack_frames(p, stack, w->ids, profile__max_depth(p));
	uint32_t known = intern__count(w->lists), id;

	for (size_t i = 0; i < depth; i++)
		w->ids[i] = frame_of(w, w->ids[i]);
	id = intern__id(w->lists, w->ids, depth * sizeof(*w->ids));
	w->stack_of[stack] = id;
	if (id <= known)
		return;
	json_row_begin(&w->rows, "stack");
	JSON_PUT_COLUMN(&w->rows.json, "frames", depth, w->ids[i] - 1);
	json_row_end(&w->rows, id - 1);
}

static void put_stacks(struct writer *w)
{
	for (size_t i = 0; i < w->rows.p->bucket_cnt; i++) {
		const struct profile_bucket *b = &w->rows.p->buckets[i];

		if (view__samples(&w->rows.all, b) && !w->stack_of[b->stack])
			put_stack(w, b->stack);
	}
}

/* ---- samples --------------------------------------------------------------------------------- */

static int put_sample(void *arg, const struct profile_sample *s)
{
	struct writer *w = arg;

	if (!view__takes(&w->rows.all, s))
		return 0;
	w->written++;
	json_row_begin(&w->rows, "sample");
	json_row_sample(&w->rows, s);
	json_put_count(&w->rows.json, "stack", w->stack_of[s->stack] - 1);
	json_put_end_map(&w->rows.json);
	return ferror(w->rows.json.out) ? -EIO : 0;
}

static void put_end(struct writer *w)
{
	json_row_begin(&w->rows, "end");
	json_put_bool(&w->rows.json, "complete", w->rows.p->meta.complete);
	json_put_count(&w->rows.json, "sample_count", w->written);
	json_put_end_map(&w->rows.json);
}

static int write_lines(struct writer *w)
{
	int err;

	put_meta(w);
	json_rows_tables(&w->rows);
	put_functions(w);
	json_rows_losses(&w->rows);
	put_stacks(w);
	err = profile__each_sample(w->rows.p, put_sample, w);
	if (!err)
		put_end(w);
	return err;
}

static int write_jsonl(const struct profile *p, const struct view *v, FILE *out)
{
	struct writer w = {.rows = {.json.out = out, .p = p, .v = v, .all = *v, .is_lines = true}};
	int err;

	w.rows.all.all_types = true;
	w.functions = function_ids__new(&w.rows.all, p);
	w.totals = json_rows_count(&w.rows, v, w.functions->of_function, w.functions->cnt);
	w.frames = intern__new();
	w.lists = intern__new();
	w.stack_of = xcalloc((size_t)p->stack_cnt + 1, sizeof(*w.stack_of));
	w.ids = xcalloc(profile__max_depth(p) + 1, sizeof(*w.ids));
	err = write_lines(&w);
	function_ids__free(w.functions);
	totals__free(w.totals);
	intern__free(w.frames);
	intern__free(w.lists);
	free(w.stack_of);
	free(w.ids);
	return err;
}

static const char *const suffixes[] = {".jsonl", ".ndjson", NULL};

const struct format format_jsonl = {
	.name = "jsonl",
	.help = "one object per line, for jq, DuckDB, pandas",
	.suffixes = suffixes,
	.write = write_jsonl,
};
