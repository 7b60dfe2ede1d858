/* SPDX-License-Identifier: MIT */
/*
 * JSON: everything a recording knows, one sample per line so that it greps; described for others by
 * profile.schema.json and read back by json_read.c. Nothing may be written here that the reader
 * does not take, or the other outputs would differ by what they are made from. Samples are
 * streamed, never held.
 */
#include "user/format/json.h"
#include "user/format/format.h"
#include "user/format/json/json_names.h"
#include "user/format/json/json_rows.h"
#include "user/util/alloc.h"
#include <errno.h>

struct writer {
	struct json_rows rows;
	struct json_names names;
	struct totals *by_name, *by_function;
	uint32_t *frames; /* of the stack being written */
};

/* ---- functions ------------------------------------------------------------------------------- */

static void put_function(struct writer *w, const struct totals_row *row, uint32_t function)
{
	json_row_totals(&w->rows, row);
	json_row_function(&w->rows, &w->rows.p->functions[function]);
}

/* Different functions that share their name: all of them, in the order that `which` counts in. */
static void put_variants(struct writer *w, uint32_t first)
{
	struct json_put *j = &w->rows.json;

	json_put_list(j, "variants");
	for (uint32_t f = first; f; f = w->names.next_same[f]) {
		json_put_line(j);
		json_put_map(j, NULL);
		put_function(w, &w->by_function->rows[f], f);
		json_put_end_map(j);
	}
	json_put_end_list(j);
}

static void put_functions(struct writer *w)
{
	struct json_put *j = &w->rows.json;

	json_put_line(j);
	json_put_map(j, "functions");
	for (uint32_t name = 1; name <= intern__count(w->names.ids); name++) {
		uint32_t first = w->names.first_of[name];

		if (!first)
			continue;
		json_put_line(j);
		json_put_map(j, intern__bytes(w->names.ids, name, NULL));
		put_function(w, &w->by_name->rows[name], first);
		if (w->names.next_same[first])
			put_variants(w, first);
		json_put_end_map(j);
	}
	json_put_end_map(j);
}

/* ---- samples --------------------------------------------------------------------------------- */

static void put_stack(struct writer *w, uint32_t stack)
{
	const struct profile *p = w->rows.p;
	size_t depth = profile__stack_frames(p, stack, w->frames, profile__max_depth(p));
	struct json_put *j = &w->rows.json;
	bool ambiguous = false;

	json_put_list(j, "stack");
	for (size_t i = 0; i < depth; i++) {
		uint32_t function = p->frames[w->frames[i]].function;

		json_put_text(j, NULL, intern__bytes(w->names.ids, w->names.name_of[function], NULL));
		ambiguous |= w->names.variant_of[function] != 0;
	}
	json_put_end_list(j);
	json_put_list(j, "lines");
	for (size_t i = 0; i < depth; i++)
		json_put_int(j, NULL, p->frames[w->frames[i]].line);
	json_put_end_list(j);
	if (ambiguous)
		JSON_PUT_COLUMN(j, "which", depth, w->names.variant_of[p->frames[w->frames[i]].function]);
}

static int put_sample(void *arg, const struct profile_sample *s)
{
	struct writer *w = arg;

	if (!view__takes(&w->rows.all, s))
		return 0;
	json_row_begin(&w->rows, "sample");
	json_row_sample(&w->rows, s);
	put_stack(w, s->stack);
	json_put_end_map(&w->rows.json);
	return ferror(w->rows.json.out) ? -EIO : 0;
}

/* ---- putting it together --------------------------------------------------------------------- */

static int write_document(struct writer *w)
{
	struct json_put *j = &w->rows.json;
	int err;

	json_put_map(j, NULL);
	json_rows_meta(&w->rows, JSON_SCHEMA, &w->by_name->all);
	json_rows_tables(&w->rows);
	put_functions(w);
	json_rows_losses(&w->rows);
	json_put_line(j);
	json_put_list(j, "samples");
	err = profile__each_sample(w->rows.p, put_sample, w);
	json_put_end_list(j);
	json_put_end_map(j);
	return err;
}

static int write_json(const struct profile *p, const struct view *v, FILE *out)
{
	struct writer w = {.rows = {.json.out = out, .p = p, .v = v, .all = *v}};
	struct totals *of_any_type;
	int err;

	w.rows.all.all_types = true;
	w.frames = xcalloc(profile__max_depth(p) + 1, sizeof(*w.frames));
	w.by_function = json_rows_count(&w.rows, v, NULL, p->function_cnt);
	of_any_type = json_rows_count(&w.rows, &w.rows.all, NULL, p->function_cnt);
	json_names__init(&w.names, p, of_any_type);
	totals__free(of_any_type);
	w.by_name = json_rows_count(&w.rows, v, w.names.name_of, intern__count(w.names.ids));
	err = write_document(&w);
	json_names__free(&w.names);
	totals__free(w.by_name);
	totals__free(w.by_function);
	free(w.frames);
	return err;
}

static const char *const suffixes[] = {".json", NULL};

const struct format format_json = {
	.name = "json",
	.help = "everything, one sample per line; can be read back",
	.suffixes = suffixes,
	.keeps_texts = true,
	.write = write_json,
	.read = json_read,
	.probe = json_probe,
};
