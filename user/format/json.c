/*
 * JSON: everything a recording knows, one sample per line so that it greps; described for others by
 * profile.schema.json and read back by json_read.c. Nothing may be written here that the reader
 * does not take, or the other outputs would differ by what they are made from. Samples are
 * streamed, never held.
 */
#include "user/format/json.h"
#include "user/format/format.h"
#include "user/format/json_names.h"
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

static void put_text(const struct writer *w, const char *key, const char *text)
{
	__cleanup_free char *quoted = json_quote(text);

	fprintf(w->out, "\"%s\":%s,", key, quoted);
}

/* Seconds, as many decimals as it takes. */
static const char *seconds_text(uint64_t ns, char out[32])
{
	int len = snprintf(out, 32, "%" PRIu64 ".%09" PRIu64, ns / 1000000000, ns % 1000000000);

	while (out[len - 1] == '0' && out[len - 2] != '.')
		len--;
	out[len] = 0;
	return out;
}

static void put_seconds(const struct writer *w, const char *key, uint64_t ns)
{
	char text[32];

	fprintf(w->out, "\"%s\":%s,", key, seconds_text(ns, text));
}

static void put_bool(const struct writer *w, const char *key, bool value)
{
	fprintf(w->out, "\"%s\":%s,", key, value ? "true" : "false");
}

static void put_count(const struct writer *w, const char *key, uint64_t value)
{
	fprintf(w->out, "\"%s\":%" PRIu64 ",", key, value);
}

/* The shortest text that gives the same double back. */
static void put_number(const struct writer *w, const char *key, double value)
{
	char text[32];

	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	fprintf(w->out, "\"%s\":%s,", key, text);
}

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

static const char *process_name(const struct profile *p)
{
	if (p->process_cnt == 1 && *p->processes[1].command)
		return p->processes[1].command;
	return *p->meta.target ? p->meta.target : p->process_cnt ? p->processes[1].command : "";
}

static void put_meta(const struct writer *w)
{
	const struct profile_meta *m = &w->p->meta;

	put_text(w, "schema", JSON_SCHEMA);
	put_text(w, "process_name", process_name(w->p));
	fputc('\n', w->out);
	put_text(w, "tool", m->tool);
	put_text(w, "command", m->command);
	put_text(w, "target", m->target);
	put_text(w, "host", m->host);
	put_text(w, "kernel", m->kernel);
	fputc('\n', w->out);
	put_seconds(w, "start", m->start_unix_ns);
	put_seconds(w, "duration", m->duration_ns);
	put_number(w, "rate", m->rate_hz);
	put_number(w, "effective_rate", m->effective_rate_hz);
	put_count(w, "cpus", m->cpus);
	put_count(w, "ticks", m->ticks);
	put_count(w, "filtered", m->filtered);
	put_bool(w, "gil_only", m->gil_only || w->v->gil_only);
	put_bool(w, "complete", m->complete);
	fputc('\n', w->out);
	put_count(w, "sample_count", w->by_name->all.samples);
	put_seconds(w, "cpu_seconds", w->by_name->all.value_ns);
	put_count(w, "failed_count", profile__failed_cnt(w->p));
}

static void put_processes(struct writer *w)
{
	begin_list(w, "processes", '[');
	for (uint32_t i = 1; i <= w->p->process_cnt; i++) {
		const struct profile_process *q = &w->p->processes[i];

		next_element(w);
		fputc('{', w->out);
		put_count(w, "pid", q->pid);
		put_count(w, "parent_pid", q->parent_pid);
		put_seconds(w, "start", q->start_unix_ns);
		put_text(w, "python", q->python);
		put_text(w, "command", q->command);
		put_text(w, "interpreter", q->interpreter);
		put_text(w, "cgroup", q->cgroup);
		fprintf(w->out, "\"id\":%" PRIu32 "}", i - 1);
	}
	fputs("],", w->out);
}

static void put_threads(struct writer *w)
{
	begin_list(w, "threads", '[');
	for (uint32_t i = 1; i <= w->p->thread_cnt; i++) {
		const struct profile_thread *t = &w->p->threads[i];

		next_element(w);
		fputc('{', w->out);
		put_count(w, "pid", w->p->processes[t->process].pid);
		put_count(w, "thread_id", t->tid);
		put_text(w, "name", t->name);
		put_count(w, "process", t->process - 1);
		fprintf(w->out, "\"id\":%" PRIu32 "}", i - 1);
	}
	fputs("],", w->out);
}

static void put_losses(struct writer *w)
{
	begin_list(w, "lost", '[');
	for (size_t i = 0; i < w->p->loss_cnt; i++) {
		const struct profile_loss *l = &w->p->losses[i];

		next_element(w);
		fputc('{', w->out);
		put_text(w, "reason", l->reason);
		put_count(w, "samples", l->count);
		put_seconds(w, "time", l->value_ns);
		put_bool(w, "failure", l->failure);
		put_seconds(w, "from", l->from_unix_ns);
		put_seconds(w, "to", l->to_unix_ns);
		if (l->process) {
			put_count(w, "pid", w->p->processes[l->process].pid);
			put_count(w, "process", l->process - 1);
		}
		fputs("\"sentence\":", w->out);
		__cleanup_free char *sentence = json_quote(l->sentence);
		fprintf(w->out, "%s}", sentence);
	}
	fputs("],", w->out);
}

/* ---- functions ------------------------------------------------------------------------------- */

static void put_totals(const struct writer *w, const struct totals_row *row)
{
	put_count(w, "samples", row->samples);
	put_seconds(w, "time", row->value_ns);
	put_count(w, "own_samples", row->own_samples);
	put_seconds(w, "own_time", row->own_value_ns);
}

static void put_place(const struct writer *w, const struct profile_function *f)
{
	put_text(w, "file", f->file);
	fprintf(w->out, "\"line\":%" PRId32 ",", f->first_line);
	put_text(w, "short_file", f->short_file);
	put_text(w, "module", f->origin == PROFILE_MARK ? "" : f->module);
	fprintf(w->out, "\"origin\":\"%s\"", json_origins[f->origin]);
}

/* Different functions that share their name: all of them, in the order that `which` counts in. */
static void put_variants(const struct writer *w, uint32_t first)
{
	fputs(",\"variants\":[", w->out);
	for (uint32_t f = first; f; f = w->names.next_same[f]) {
		fputs(f == first ? "{" : ",\n {", w->out);
		put_totals(w, &w->by_function->rows[f]);
		put_place(w, &w->p->functions[f]);
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
		put_totals(w, &w->by_name->rows[name]);
		put_place(w, &w->p->functions[first]);
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
	static const char *const gil[] = {"null", "true", "false"};
	struct writer *w = arg;
	const struct profile_thread *t = &w->p->threads[s->thread];
	uint64_t us = (s->time_unix_ns + 500) / 1000;
	char value[32];

	if (w->v->gil_only && s->gil != PROFILE_GIL_HELD)
		return 0;
	next_element(w);
	fprintf(w->out,
		"{\"timestamp\":%" PRIu64 ".%06" PRIu64
		",\"pid\":%u,\"thread_id\":%u,\"thread\":%u,"
		"\"cpu\":%u,\"gil\":%s,\"value\":%s,%s",
		us / 1000000, us % 1000000, w->p->processes[t->process].pid, t->tid, s->thread - 1,
		s->cpu, gil[s->gil], seconds_text(s->value_ns, value),
		s->truncated ? "\"truncated\":true," : "");
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
