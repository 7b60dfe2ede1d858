/* SPDX-License-Identifier: MIT */
/* Our JSON and JSONL: what is the same in both. */
#include "user/format/json/json_rows.h"
#include "user/format/json.h"
#include "user/profile/loss_words.h"
#include "user/util/alloc.h"
#include <string.h>

static void begin_table(struct json_rows *w, const char *key)
{
	if (w->is_lines)
		return;
	json_put_line(&w->json);
	json_put_list(&w->json, key);
}

static void end_table(struct json_rows *w)
{
	if (!w->is_lines)
		json_put_end_list(&w->json);
}

void json_row_begin(struct json_rows *w, const char *type)
{
	json_put_line(&w->json);
	json_put_map(&w->json, NULL);
	if (w->is_lines)
		json_put_text(&w->json, "type", type);
}

void json_row_end(struct json_rows *w, uint64_t id)
{
	json_put_count(&w->json, "id", id);
	json_put_end_map(&w->json);
}

/* A value: seconds under one key, bytes and numbers of events under another. */
static void put_value(struct json_put *j, const struct profile_value_type *t, const char *time, const char *amount,
		      uint64_t value)
{
	if (t->unit == PROFILE_NANOSECONDS)
		json_put_seconds(j, time, value);
	else
		json_put_count(j, amount, value);
}

/* ---- tables ---------------------------------------------------------------------------------- */

static const char *process_name(const struct profile *p)
{
	if (p->process_cnt == 1 && *p->processes[1].command)
		return p->processes[1].command;
	return *p->meta.target ? p->meta.target : p->process_cnt ? p->processes[1].command : "";
}

static void break_line(struct json_rows *w)
{
	if (!w->is_lines)
		json_put_line(&w->json);
}

void json_rows_meta(struct json_rows *w, const char *schema, const struct totals_row *all)
{
	const struct profile_meta *m = &w->p->meta;
	const struct profile_value_type *type = view__type(w->v, w->p);
	struct json_put *j = &w->json;

	json_put_text(j, "schema", schema);
	json_put_text(j, "process_name", process_name(w->p));
	break_line(w);
	json_put_text(j, "tool", m->tool);
	json_put_text(j, "command", m->command);
	json_put_text(j, "target", m->target);
	json_put_text(j, "host", m->host);
	json_put_text(j, "kernel", m->kernel);
	break_line(w);
	json_put_seconds(j, "start", m->start_unix_ns);
	json_put_seconds(j, "duration", m->duration_ns);
	json_put_real(j, "rate", m->rate_hz);
	json_put_real(j, "effective_rate", m->effective_rate_hz);
	json_put_count(j, "cpus", m->cpus);
	json_put_count(j, "ticks", m->ticks);
	json_put_count(j, "filtered", m->filtered);
	json_put_bool(j, "gil_only", m->gil_only || w->v->gil_only);
	json_put_bool(j, "complete", m->complete);
	break_line(w);
	if (w->v->type || w->v->more_types)
		json_put_text(j, "value_type", type->name);
	if (!strcmp(type->name, profile_cpu_type.name))
		json_put_seconds(j, "cpu_seconds", all->value);
	json_put_count(j, "failed_count", loss_total(w->p));
	json_put_count(j, "sample_count", all->samples);
}

/* Lists that say nothing are left out. */
static void put_types(struct json_rows *w)
{
	if (w->p->type_cnt == 1 && !strcmp(w->p->types->name, profile_cpu_type.name))
		return;
	begin_table(w, "value_types");
	for (uint32_t i = 0; i < w->p->type_cnt; i++) {
		const struct view v = {.gil_only = w->v->gil_only, .type = i};
		const struct profile_value_type *t = &w->p->types[i];
		struct view_sum sum = view__sum(&v, w->p);

		json_row_begin(w, "value_type");
		json_put_text(&w->json, "name", t->name);
		json_put_text(&w->json, "label", t->label);
		json_put_text(&w->json, "sentence", t->sentence);
		json_put_text(&w->json, "unit", json_units[t->unit]);
		json_put_count(&w->json, "samples", sum.samples);
		put_value(&w->json, t, "time", "amount", sum.value);
		json_row_end(w, i);
	}
	end_table(w);
}

static void put_process(struct json_put *j, const struct profile_process *q)
{
	json_put_count(j, "pid", q->pid);
	json_put_count(j, "parent_pid", q->parent_pid);
	json_put_seconds(j, "start", q->start_unix_ns);
	json_put_text(j, "python", q->python);
	json_put_text(j, "command", q->command);
	json_put_text(j, "interpreter", q->interpreter);
	json_put_text(j, "cgroup", q->cgroup);
	if (q->code_start_unix_ns)
		json_put_seconds(j, "code_start", q->code_start_unix_ns);
	if (q->root)
		json_put_text(j, "root", json_roots[q->root]);
	if (*q->rights)
		json_put_text(j, "rights", q->rights);
	if (q->cpu_ns)
		json_put_seconds(j, "cpu_clock", q->cpu_ns);
}

static void put_processes(struct json_rows *w)
{
	__cleanup_free struct cpu_check *checks = cpu_checks_new(w->p);

	begin_table(w, "processes");
	for (uint32_t i = 1; i <= w->p->process_cnt; i++) {
		json_row_begin(w, "process");
		put_process(&w->json, &w->p->processes[i]);
		json_put_seconds(&w->json, "sampled", checks[i].sampled_ns);
		json_row_end(w, i - 1);
	}
	end_table(w);
}

static void put_threads(struct json_rows *w)
{
	begin_table(w, "threads");
	for (uint32_t i = 1; i <= w->p->thread_cnt; i++) {
		const struct profile_thread *t = &w->p->threads[i];

		json_row_begin(w, "thread");
		json_put_count(&w->json, "pid", w->p->processes[t->process].pid);
		json_put_count(&w->json, "thread_id", t->tid);
		json_put_text(&w->json, "name", t->name);
		json_put_count(&w->json, "process", t->process - 1);
		json_row_end(w, i - 1);
	}
	end_table(w);
}

static void put_tasks(struct json_rows *w)
{
	if (!w->p->task_cnt)
		return;
	begin_table(w, "tasks");
	for (uint32_t i = 1; i <= w->p->task_cnt; i++) {
		const struct profile_task *t = &w->p->tasks[i];

		json_row_begin(w, "task");
		json_put_text(&w->json, "name", t->name);
		if (*t->coroutine)
			json_put_text(&w->json, "coroutine", t->coroutine);
		if (t->parent)
			json_put_count(&w->json, "parent", t->parent - 1);
		json_put_count(&w->json, "process", t->process - 1);
		json_row_end(w, i - 1);
	}
	end_table(w);
}

static void put_labels(struct json_rows *w)
{
	if (!w->p->label_cnt)
		return;
	begin_table(w, "labels");
	for (size_t i = 0; i < w->p->label_cnt; i++) {
		const struct profile_label *l = &w->p->labels[i];

		json_row_begin(w, "label");
		json_put_text(&w->json, "key", l->key);
		json_put_text(&w->json, "value", l->value);
		json_put_count(&w->json, "process", l->process - 1);
		json_put_end_map(&w->json);
	}
	end_table(w);
}

/* Not in lines: nobody reads those back, and functions are called by the labels. */
static void put_sources(struct json_rows *w)
{
	if (!w->p->source_cnt || w->is_lines)
		return;
	begin_table(w, "sources");
	for (size_t i = 0; i < w->p->source_cnt; i++) {
		const struct profile_source *s = &w->p->sources[i];

		json_row_begin(w, "source");
		json_put_text(&w->json, "file", s->file);
		if (*s->label)
			json_put_text(&w->json, "label", s->label);
		if (*s->text)
			json_put_text(&w->json, "text", s->text);
		json_put_count(&w->json, "process", s->process - 1);
		json_put_end_map(&w->json);
	}
	end_table(w);
}

void json_rows_tables(struct json_rows *w)
{
	put_types(w);
	put_processes(w);
	put_threads(w);
	put_tasks(w);
	put_labels(w);
	put_sources(w);
}

static void put_loss(struct json_put *j, const struct profile *p, const struct profile_loss *l)
{
	json_put_text(j, "reason", l->reason);
	json_put_count(j, "samples", l->count);
	put_value(j, &p->types[l->type], "time", "amount", l->value);
	if (l->type)
		json_put_count(j, "value_type", l->type);
	json_put_bool(j, "failure", l->failure);
	if (l->failure)
		json_put_bool(j, "failed", l->failed);
	json_put_seconds(j, "from", l->from_unix_ns);
	json_put_seconds(j, "to", l->to_unix_ns);
	if (l->process) {
		json_put_count(j, "pid", p->processes[l->process].pid);
		json_put_count(j, "process", l->process - 1);
	}
	json_put_text(j, "sentence", l->sentence);
}

void json_rows_losses(struct json_rows *w)
{
	begin_table(w, "lost");
	for (size_t i = 0; i < w->p->loss_cnt; i++) {
		json_row_begin(w, "lost");
		put_loss(&w->json, w->p, &w->p->losses[i]);
		if (w->is_lines) /* nothing refers to it */
			json_put_count(&w->json, "id", i);
		json_put_end_map(&w->json);
	}
	end_table(w);
}

/* ---- functions, samples ---------------------------------------------------------------------- */

void json_row_totals(struct json_rows *w, const struct totals_row *row)
{
	const struct profile_value_type *t = view__type(w->v, w->p);

	json_put_count(&w->json, "samples", row->samples);
	put_value(&w->json, t, "time", "amount", row->value);
	json_put_count(&w->json, "own_samples", row->own_samples);
	put_value(&w->json, t, "own_time", "own_amount", row->own_value);
}

void json_row_function(struct json_rows *w, const struct profile_function *f)
{
	struct json_put *j = &w->json;

	json_put_text(j, "file", f->file);
	json_put_int(j, "line", f->first_line);
	json_put_text(j, "short_file", f->short_file);
	if (f->kind != PROFILE_PYTHON)
		json_put_text(j, "kind", json_kinds[f->kind]);
	json_put_text(j, "module", f->kind == PROFILE_SYNTHETIC ? "" : f->module);
	json_put_text(j, "origin", json_origin(f));
}

void json_row_sample(struct json_rows *w, const struct profile_sample *s)
{
	static const char *const gil[] = {
		[PROFILE_GIL_UNKNOWN] = "null",
		[PROFILE_GIL_HELD] = "true",
		[PROFILE_GIL_NOT_HELD] = "false",
		[PROFILE_GIL_NONE] = "null",
	};
	const struct profile_thread *t = &w->p->threads[s->thread];
	struct json_put *j = &w->json;

	json_put_seconds(j, "timestamp", s->time_unix_ns);
	json_put_count(j, "pid", w->p->processes[t->process].pid);
	json_put_count(j, "thread_id", t->tid);
	json_put_count(j, "thread", s->thread - 1);
	json_put_count(j, "cpu", s->cpu);
	json_put_raw(j, "gil", gil[s->gil]);
	if (s->gil == PROFILE_GIL_NONE)
		json_put_bool(j, "no_gil", true);
	put_value(j, &w->p->types[s->type], "value", "amount", s->value);
	if (s->type)
		json_put_count(j, "value_type", s->type);
	if (s->task)
		json_put_count(j, "task", s->task - 1);
	if (s->truncated)
		json_put_bool(j, "truncated", true);
}

struct totals *json_rows_count(const struct json_rows *w, const struct view *v, const uint32_t *group_of, uint32_t cnt)
{
	const struct profile *p = w->p;
	uint32_t *groups = xcalloc((size_t)p->frame_cnt + 1, sizeof(*groups));
	struct totals *t;

	for (uint32_t i = 1; i <= p->frame_cnt; i++)
		groups[i] = group_of ? group_of[p->frames[i].function] : p->frames[i].function;
	t = totals__new(v, p, groups, cnt);
	free(groups);
	return t;
}
