/*
 * JSON Lines: one object per line, for jq, DuckDB and pandas; described by jsonl.schema.json. The
 * keys are those of our JSON. Whatever a line refers to by its id was defined by a line above it,
 * so one pass is enough; the last line is always of type `end`, and a file without it was cut.
 */
#include "user/format/format.h"
#include "user/format/json.h"
#include "user/format/json/json_member.h"
#include "user/format/json/json_rows.h"
#include "user/profile/places.h"
#include "user/util/alloc.h"
#include "user/util/intern.h"
#include <errno.h>
#include <inttypes.h>

#define JSONL_SCHEMA "pybpfprof-lines/1"

/* Ids in the file are from 0, as they are in our JSON; tables here are from 1, 0 for "not yet". */
struct frame_key {
	uint32_t place;
	int32_t line;
};

struct writer {
	const struct profile *p;
	const struct view *v;
	FILE *out;
	struct places *places;
	struct totals *totals; /* by place */
	struct intern *frames; /* struct frame_key → frame */
	struct intern *lists;  /* frames of a stack → stack */
	uint32_t *stack_of;    /* by stack of the profile */
	uint32_t *ids;         /* room for the frames of one stack */
	uint64_t written;      /* samples */
};

static void begin(const struct writer *w, const char *type)
{
	fprintf(w->out, "{\"type\":\"%s\",", type);
}

/* An id closes the line: members are written with a comma behind them. */
static void end_with(const struct writer *w, const char *key, uint64_t value)
{
	fprintf(w->out, "\"%s\":%" PRIu64 "}\n", key, value);
}

/* ---- tables ---------------------------------------------------------------------------------- */

static void put_meta(const struct writer *w)
{
	begin(w, "meta");
	json_member_text(w->out, "schema", JSONL_SCHEMA);
	json_row_meta(w->out, w->p, w->v, "");
	json_member_seconds(w->out, "cpu_seconds", w->totals->all.value_ns);
	json_member_count(w->out, "failed_count", profile__failed_cnt(w->p));
	end_with(w, "sample_count", w->totals->all.samples);
}

static void put_processes(const struct writer *w)
{
	__cleanup_free struct cpu_check *checks = cpu_checks_new(w->p);

	for (uint32_t i = 1; i <= w->p->process_cnt; i++) {
		begin(w, "process");
		json_row_process(w->out, &w->p->processes[i], &checks[i]);
		end_with(w, "id", i - 1);
	}
	for (uint32_t i = 1; i <= w->p->thread_cnt; i++) {
		begin(w, "thread");
		json_row_thread(w->out, w->p, &w->p->threads[i]);
		end_with(w, "id", i - 1);
	}
}

static void put_functions(const struct writer *w)
{
	for (uint32_t place = 1; place <= w->places->cnt; place++) {
		uint32_t function = w->places->function[place];
		const struct profile_function *f = &w->p->functions[function];

		begin(w, "function");
		json_member_text(w->out, "name", view__name(w->p, function));
		json_row_place(w->out, f);
		json_member_text(w->out, "origin", json_origins[f->origin]);
		json_row_totals(w->out, &w->totals->rows[place]);
		end_with(w, "id", place - 1);
	}
}

static void put_losses(const struct writer *w)
{
	for (size_t i = 0; i < w->p->loss_cnt; i++) {
		begin(w, "lost");
		json_row_loss(w->out, w->p, &w->p->losses[i]);
		json_member_text(w->out, "sentence", w->p->losses[i].sentence);
		end_with(w, "id", i);
	}
}

/* ---- stacks ---------------------------------------------------------------------------------- */

static uint32_t frame_of(struct writer *w, uint32_t frame)
{
	const struct profile_frame *f = &w->p->frames[frame];
	const struct frame_key key = {w->places->of_function[f->function], f->line};
	uint32_t known = intern__count(w->frames), id = intern__id(w->frames, &key, sizeof(key));

	if (id > known) {
		begin(w, "frame");
		json_member_count(w->out, "function", key.place - 1);
		fprintf(w->out, "\"line\":%" PRId32 ",", key.line);
		end_with(w, "id", id - 1);
	}
	return id;
}

/* A line for each stack that is new, below lines for its new frames. */
static void put_stack(struct writer *w, uint32_t stack)
{
	size_t depth = profile__stack_frames(w->p, stack, w->ids, profile__max_depth(w->p));
	uint32_t known = intern__count(w->lists), id;

	for (size_t i = 0; i < depth; i++)
		w->ids[i] = frame_of(w, w->ids[i]);
	id = intern__id(w->lists, w->ids, depth * sizeof(*w->ids));
	w->stack_of[stack] = id;
	if (id <= known)
		return;
	begin(w, "stack");
	fputs("\"frames\":[", w->out);
	for (size_t i = 0; i < depth; i++)
		fprintf(w->out, "%s%" PRIu32, i ? "," : "", w->ids[i] - 1);
	fputs("],", w->out);
	end_with(w, "id", id - 1);
}

static void put_stacks(struct writer *w)
{
	for (size_t i = 0; i < w->p->bucket_cnt; i++) {
		const struct profile_bucket *b = &w->p->buckets[i];

		if (view__samples(w->v, b) && !w->stack_of[b->stack])
			put_stack(w, b->stack);
	}
}

/* ---- samples --------------------------------------------------------------------------------- */

static int put_sample(void *arg, const struct profile_sample *s)
{
	struct writer *w = arg;

	if (w->v->gil_only && s->gil != PROFILE_GIL_HELD)
		return 0;
	w->written++;
	begin(w, "sample");
	json_row_sample(w->out, w->p, s);
	end_with(w, "stack", w->stack_of[s->stack] - 1);
	return ferror(w->out) ? -EIO : 0;
}

static struct totals *count(const struct writer *w)
{
	uint32_t *groups = xcalloc((size_t)w->p->frame_cnt + 1, sizeof(*groups));
	struct totals *t;

	for (uint32_t i = 1; i <= w->p->frame_cnt; i++)
		groups[i] = w->places->of_function[w->p->frames[i].function];
	t = totals__new(w->v, w->p, groups, w->places->cnt);
	free(groups);
	return t;
}

static void release(struct writer *w)
{
	places__free(w->places);
	totals__free(w->totals);
	intern__free(w->frames);
	intern__free(w->lists);
	free(w->stack_of);
	free(w->ids);
}

static int write_jsonl(const struct profile *p, const struct view *v, FILE *out)
{
	struct writer w = {.p = p, .v = v, .out = out};
	int err;

	w.places = places__new(v, p);
	w.totals = count(&w);
	w.frames = intern__new();
	w.lists = intern__new();
	w.stack_of = xcalloc((size_t)p->stack_cnt + 1, sizeof(*w.stack_of));
	w.ids = xcalloc(profile__max_depth(p) + 1, sizeof(*w.ids));
	put_meta(&w);
	put_processes(&w);
	put_functions(&w);
	put_losses(&w);
	put_stacks(&w);
	err = profile__each_sample(p, put_sample, &w);
	if (!err) {
		begin(&w, "end");
		json_member_bool(out, "complete", p->meta.complete);
		end_with(&w, "sample_count", w.written);
	}
	release(&w);
	return err;
}

static const char *const suffixes[] = {".jsonl", ".ndjson", NULL};

const struct format format_jsonl = {
	.name = "jsonl",
	.help = "one object per line, for jq, DuckDB, pandas",
	.suffixes = suffixes,
	.write = write_jsonl,
};
