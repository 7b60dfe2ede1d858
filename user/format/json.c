/*
 * JSON: everything a recording knows, one sample per line so that it greps; described for others by
 * profile.schema.json and read back by json_read.c. Nothing may be written here that the reader
 * does not take, or the other outputs would differ by what they are made from. Samples are
 * streamed, never held.
 */
#include "user/format/json.h"
#include "user/format/format.h"
#include "user/format/json/json_names.h"
#include "user/format/json/json_member.h"
#include "user/format/json/json_rows.h"
#include "user/util/alloc.h"
#include <errno.h>
#include <inttypes.h>

struct writer {
	const struct profile *p;
	const struct view *v;
	FILE *out;
	struct json_names names;
	struct totals *by_name, *by_function;
	uint32_t *frames; /* of the stack being written */
	const char *separator;
};

/* Starts the next element of a list; the first one without a comma. */
static void next_element(struct writer *w)
{
	fputs(w->separator, w->out);
	w->separator = ",\n";
}

static void begin_list(struct writer *w, const char *key, char bracket)
{
	fprintf(w->out, "\n\"%s\":%c", key, bracket);
	w->separator = "\n";
}

/* ---- the document ---------------------------------------------------------------------------- */

static void put_meta(const struct writer *w)
{
	json_member_text(w->out, "schema", JSON_SCHEMA);
	json_row_meta(w->out, w->p, w->v, "\n");
	json_row_sums(w->out, w->p, &w->by_name->all);
}

static void put_processes(struct writer *w)
{
	__cleanup_free struct cpu_check *checks = cpu_checks_new(w->p);

	begin_list(w, "processes", '[');
	for (uint32_t i = 1; i <= w->p->process_cnt; i++) {
		next_element(w);
		fputc('{', w->out);
		json_row_process(w->out, &w->p->processes[i], &checks[i]);
		fprintf(w->out, "\"id\":%" PRIu32 "}", i - 1);
	}
	fputs("],", w->out);
}

static void put_threads(struct writer *w)
{
	begin_list(w, "threads", '[');
	for (uint32_t i = 1; i <= w->p->thread_cnt; i++) {
		next_element(w);
		fputc('{', w->out);
		json_row_thread(w->out, w->p, &w->p->threads[i]);
		fprintf(w->out, "\"id\":%" PRIu32 "}", i - 1);
	}
	fputs("],", w->out);
}

static void put_losses(struct writer *w)
{
	begin_list(w, "lost", '[');
	for (size_t i = 0; i < w->p->loss_cnt; i++) {
		__cleanup_free char *sentence = json_quote(w->p->losses[i].sentence);

		next_element(w);
		fputc('{', w->out);
		json_row_loss(w->out, w->p, &w->p->losses[i]);
		fprintf(w->out, "\"sentence\":%s}", sentence);
	}
	fputs("],", w->out);
}

/* ---- functions ------------------------------------------------------------------------------- */

static void put_function(const struct writer *w, const struct totals_row *row, uint32_t function)
{
	const struct profile_function *f = &w->p->functions[function];

	json_row_totals(w->out, row);
	json_row_place(w->out, f);
	fprintf(w->out, "\"origin\":\"%s\"", json_origins[f->origin]);
}

/* Different functions that share their name: all of them, in the order that `which` counts in. */
static void put_variants(const struct writer *w, uint32_t first)
{
	fputs(",\"variants\":[", w->out);
	for (uint32_t f = first; f; f = w->names.next_same[f]) {
		fputs(f == first ? "{" : ",\n {", w->out);
		put_function(w, &w->by_function->rows[f], f);
		fputc('}', w->out);
	}
	fputc(']', w->out);
}

static void put_functions(struct writer *w)
{
	begin_list(w, "functions", '{');
	for (uint32_t name = 1; name <= intern__count(w->names.ids); name++) {
		uint32_t first = w->names.first_of[name];

		if (!w->by_name->rows[name].samples)
			continue;
		next_element(w);
		fprintf(w->out, "%s:{", w->names.quoted[name]);
		put_function(w, &w->by_name->rows[name], first);
		if (w->names.next_same[first])
			put_variants(w, first);
		fputc('}', w->out);
	}
	fputs("},", w->out);
}

/* ---- samples --------------------------------------------------------------------------------- */

static void put_stack(const struct writer *w, size_t depth)
{
	bool ambiguous = false;

	fputs("\"stack\":[", w->out);
	for (size_t i = 0; i < depth; i++) {
		uint32_t function = w->p->frames[w->frames[i]].function;

		if (i)
			putc(',', w->out);
		fputs(w->names.quoted[w->names.name_of[function]], w->out);
		ambiguous |= w->names.variant_of[function] != 0;
	}
	fputs("],\"lines\":[", w->out);
	for (size_t i = 0; i < depth; i++)
		fprintf(w->out, "%s%" PRId32, i ? "," : "", w->p->frames[w->frames[i]].line);
	putc(']', w->out);
	if (!ambiguous)
		return;
	fputs(",\"which\":[", w->out);
	for (size_t i = 0; i < depth; i++)
		fprintf(w->out, "%s%" PRIu32, i ? "," : "",
			w->names.variant_of[w->p->frames[w->frames[i]].function]);
	putc(']', w->out);
}

static int put_sample(void *arg, const struct profile_sample *s)
{
	struct writer *w = arg;

	if (w->v->gil_only && s->gil != PROFILE_GIL_HELD)
		return 0;
	next_element(w);
	fputc('{', w->out);
	json_row_sample(w->out, w->p, s);
	put_stack(w, profile__stack_frames(w->p, s->stack, w->frames, profile__max_depth(w->p)));
	putc('}', w->out);
	return ferror(w->out) ? -EIO : 0;
}

/* ---- putting it together --------------------------------------------------------------------- */

static struct totals *count(const struct writer *w, const uint32_t *group_of_function, uint32_t cnt)
{
	const struct profile *p = w->p;
	uint32_t *groups = xcalloc((size_t)p->frame_cnt + 1, sizeof(*groups));
	struct totals *t;

	for (uint32_t i = 1; i <= p->frame_cnt; i++)
		groups[i] = group_of_function ? group_of_function[p->frames[i].function]
					      : p->frames[i].function;
	t = totals__new(w->v, p, groups, cnt);
	free(groups);
	return t;
}

static void release(struct writer *w)
{
	json_names__free(&w->names);
	totals__free(w->by_name);
	totals__free(w->by_function);
	free(w->frames);
}

static int write_json(const struct profile *p, const struct view *v, FILE *out)
{
	struct writer w = {.p = p, .v = v, .out = out};
	int err;

	w.frames = xcalloc(profile__max_depth(p) + 1, sizeof(*w.frames));
	w.by_function = count(&w, NULL, p->function_cnt);
	json_names__init(&w.names, p, w.by_function);
	w.by_name = count(&w, w.names.name_of, intern__count(w.names.ids));
	fputc('{', out);
	put_meta(&w);
	put_processes(&w);
	put_threads(&w);
	put_functions(&w);
	put_losses(&w);
	begin_list(&w, "samples", '[');
	err = profile__each_sample(p, put_sample, &w);
	fputs("]}\n", out);
	release(&w);
	return err;
}

static const char *const suffixes[] = {".json", NULL};

const struct format format_json = {
	.name = "json",
	.help = "everything, one sample per line; can be read back",
	.suffixes = suffixes,
	.write = write_json,
	.read = json_read,
	.probe = json_probe,
};
