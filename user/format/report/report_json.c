/* SPDX-License-Identifier: MIT */
/*
 * The report as JSON: the same figures as the tables, unrounded, described by report.schema.json.
 * The call tree is a list whose entries name their parents, since readers of JSON have limits on
 * nesting and stacks have not.
 */
#include "user/format/json.h"
#include "user/format/report/report_parts.h"
#include "user/profile/chance.h"
#include "user/profile/cpu_check.h"
#include "user/profile/findings.h"
#include "user/profile/loss_words.h"
#include "user/profile/process_groups.h"
#include "user/profile/task_labels.h"
#include "user/util/alloc.h"
#include <string.h>

static uint32_t at_most(const struct report_json *o, size_t cnt)
{
	return cnt < o->r->rows ? (uint32_t)cnt : o->r->rows;
}

/* The share of all values, also in a view of those that held the GIL. */
static double held_percent(const struct report_json *o, const struct profile *p)
{
	const struct view *v = o->r->view;
	const struct view all = {.type = v->type, .more_types = v->more_types, .no_idle = v->no_idle};
	uint64_t held = 0;

	for (size_t i = 0; i < p->bucket_cnt; i++)
		held += view__gil_value(&all, &p->buckets[i]);
	return report_percent(held, view__sum(&all, p).value);
}

void report_json_value(const struct report_json *o, const char *what, uint64_t value)
{
	json_put_value(o->j, o->type, what, value);
}

void report_json_head(const struct report_json *o, const struct profile *p, const struct totals_row *all)
{
	const struct profile_meta *m = &p->meta;
	struct json_put *j = o->j;

	json_put_text(j, "schema", "pybpfprof-report/1");
	json_put_text(j, "tool", m->tool);
	json_put_text(j, "target", m->target);
	json_put_text(j, "command", m->command);
	json_put_text(j, "host", m->host);
	json_put_seconds(j, "start", m->start_unix_ns);
	json_put_seconds(j, "duration", m->duration_ns);
	json_put_real(j, "rate", m->rate_hz);
	json_put_real(j, "effective_rate", m->effective_rate_hz);
	json_put_bool(j, "gil_only", m->gil_only || o->r->view->gil_only);
	json_put_bool(j, "complete", m->complete);
	json_put_count(j, "samples", all->samples);
	if (strcmp(o->type->name, profile_cpu_type.name)) {
		json_put_text(j, "value_type", o->type->name);
		report_json_value(o, "", all->value);
	} else {
		json_put_seconds(j, "cpu_seconds", all->value);
	}
	json_put_real(j, "gil_percent", held_percent(o, p));
	json_put_count(j, "truncated_samples", p->truncated_cnt);
	json_put_count(j, "lost_samples", loss_total(p));
}

void report_json_findings(const struct report_json *o, const struct profile *p)
{
	struct findings f;

	findings_make(o->r->view, p, &f);
	json_put_map(o->j, "findings");
	if (f.why)
		json_put_text(o->j, "why", f.why);
	json_put_text(o->j, "where", f.where);
	json_put_text(o->j, "gil", f.gil);
	json_put_text(o->j, "lacks", f.lacks);
	json_put_end_map(o->j);
	findings_free(&f);
}

void report_json_function(const struct report_json *o, const struct profile_function *f)
{
	json_put_text(o->j, "name", *f->name ? f->name : "[unnamed]");
	json_put_text(o->j, "module", f->kind == PROFILE_SYNTHETIC ? "" : f->module);
	json_put_text(o->j, "file", f->file);
	json_put_text(o->j, "short_file", f->short_file);
	json_put_int(o->j, "first_line", f->first_line);
	json_put_text(o->j, "origin", json_origin(f));
	if (f->kind != PROFILE_PYTHON)
		json_put_text(o->j, "kind", json_kinds[f->kind]);
}

/* With the ± of chance behind it. */
static void put_percent(const struct report_json *o, const char *what, uint64_t value)
{
	__cleanup_free char *percent = xasprintf("%spercent", what), *error = xasprintf("%spercent_error", what);
	struct chance_share s = chance_share_of(value, o->all_value, o->all_samples);

	json_put_real(o->j, percent, s.percent);
	json_put_real(o->j, error, s.error);
}

static void put_total(const struct report_json *o, uint64_t samples, uint64_t value)
{
	json_put_count(o->j, "samples", samples);
	report_json_value(o, "", value);
	put_percent(o, "", value);
}

static void put_share(const struct report_json *o, const struct share *s)
{
	put_total(o, s->samples, s->value);
	json_put_real(o->j, "gil_percent", report_percent(s->gil_value, s->value));
}

void report_json_own(const struct report_json *o, const struct totals_row *sum)
{
	json_put_count(o->j, "own_samples", sum->own_samples);
	report_json_value(o, "own_", sum->own_value);
	put_percent(o, "own_", sum->own_value);
	put_total(o, sum->samples, sum->value);
}

/* ---- what the code is made of ---------------------------------------------------------------- */

static void put_line_keys(const struct report_json *o, const struct group *g)
{
	struct source_text *s = g->line > 0 ? o->r->source : NULL;
	const char *text = s ? source_text__line(s, g->function, g->line) : NULL;

	json_put_int(o->j, "line", g->line);
	if (text)
		json_put_text(o->j, "source", text);
	if (s && source_text__is_changed(s, g->function))
		json_put_bool(o->j, "source_changed", true);
}

static void put_keys(const struct report_json *o, const struct group *g, enum groups_key key)
{
	if (key == GROUPS_MODULE) {
		json_put_text(o->j, "module", g->name);
	} else if (key == GROUPS_FILE) {
		json_put_text(o->j, "file", *g->function->file ? g->function->file : g->name);
		json_put_text(o->j, "short_file", g->function->short_file);
	} else {
		report_json_function(o, g->function);
		if (key == GROUPS_LINE)
			put_line_keys(o, g);
	}
}

void report_json_groups(const struct report_json *o, const struct profile *p, enum groups_key key)
{
	static const char *const lists[GROUPS_KEYS] = {"functions", "lines", "files", "modules"};
	struct groups *g = groups__new(key, o->r->view, false);
	__cleanup_free uint32_t *of_frame = groups__add(g, p);
	size_t cnt;
	__cleanup_free struct group_row *rows = groups__rows(g, of_frame, o->r->view, p, &cnt);

	json_put_list(o->j, lists[key]);
	for (uint32_t i = 0; i < at_most(o, cnt); i++) {
		json_put_map(o->j, NULL);
		put_keys(o, rows[i].group, key);
		report_json_own(o, &rows[i].sum);
		json_put_real(o->j, "gil_percent", report_percent(rows[i].sum.gil_value, rows[i].sum.value));
		json_put_end_map(o->j);
	}
	json_put_end_list(o->j);
	groups__free(g);
}

/* ---- processes and threads ----------------------------------------------------------------------------- */

void report_json_threads(const struct report_json *o, const struct profile *p)
{
	size_t cnt;
	__cleanup_free struct share *shares = shares_of(o->r->view, p, true, &cnt);

	json_put_list(o->j, "threads");
	for (uint32_t i = 0; i < at_most(o, cnt); i++) {
		const struct profile_thread *t = &p->threads[shares[i].id];

		json_put_map(o->j, NULL);
		json_put_count(o->j, "pid", p->processes[t->process].pid);
		json_put_count(o->j, "thread_id", t->tid);
		json_put_text(o->j, "name", t->name);
		put_share(o, &shares[i]);
		json_put_end_map(o->j);
	}
	json_put_end_list(o->j);
}

void report_json_tasks(const struct report_json *o, const struct profile *p)
{
	struct task_labels *labels = task_labels__new(p);
	size_t cnt;
	__cleanup_free struct share *shares = shares_of_tasks(o->r->view, p, labels, &cnt);

	json_put_list(o->j, "tasks");
	for (uint32_t i = 0; i < at_most(o, cnt); i++) {
		struct task_facts facts = task_labels__facts(labels, shares[i].id);

		json_put_map(o->j, NULL);
		json_put_text(o->j, "task", facts.text);
		if (facts.awaited_by)
			json_put_text(o->j, "awaited_by", facts.awaited_by);
		if (facts.cnt)
			json_put_count(o->j, "tasks", facts.cnt);
		put_share(o, &shares[i]);
		json_put_end_map(o->j);
	}
	json_put_end_list(o->j);
	task_labels__free(labels);
}

void report_json_containers(const struct report_json *o, const struct profile *p)
{
	struct process_groups *g = process_groups__new(p);
	size_t cnt;
	__cleanup_free struct share *shares = shares_of_groups(o->r->view, p, g, &cnt);

	json_put_list(o->j, "containers");
	for (uint32_t i = 0; i < at_most(o, cnt); i++) {
		json_put_map(o->j, NULL);
		json_put_text(o->j, "container", process_groups__text(g, shares[i].id));
		json_put_count(o->j, "lost_samples", shares[i].lost + shares[i].failed);
		put_share(o, &shares[i]);
		json_put_end_map(o->j);
	}
	json_put_end_list(o->j);
	process_groups__free(g);
}

void report_json_processes(const struct report_json *o, const struct profile *p)
{
	size_t cnt;
	__cleanup_free struct share *shares = shares_of(o->r->view, p, false, &cnt);
	__cleanup_free struct cpu_check *checks = cpu_checks_new(p);
	struct process_groups *g = process_groups__new(p);

	json_put_list(o->j, "processes");
	for (uint32_t i = 0; i < at_most(o, cnt); i++) {
		const struct profile_process *q = &p->processes[shares[i].id];

		json_put_map(o->j, NULL);
		json_put_count(o->j, "pid", q->pid);
		json_put_count(o->j, "parent_pid", q->parent_pid);
		json_put_text(o->j, "command", q->command);
		json_put_text(o->j, "python", q->python);
		json_put_text(o->j, "cgroup", q->cgroup);
		json_put_text(o->j, "container", process_groups__text(g, process_groups__of(g, shares[i].id)));
		json_put_seconds(o->j, "cpu_clock", checks[shares[i].id].clock_ns);
		json_put_seconds(o->j, "sampled", checks[shares[i].id].sampled_ns);
		json_put_count(o->j, "lost_samples", shares[i].lost + shares[i].failed);
		put_share(o, &shares[i]);
		json_put_end_map(o->j);
	}
	json_put_end_list(o->j);
	process_groups__free(g);
}

/* ---- call tree, losses ----------------------------------------------------------------------- */

void report_json_tree(const struct report_json *o, const struct profile *p)
{
	struct view v = *o->r->view;
	struct view_tree *tree;

	v.no_lines = true;
	tree = view_tree__new(&v, p);
	json_put_list(o->j, "tree");
	for (uint32_t i = 0; i < tree->count; i++) {
		const struct view_node *n = &tree->nodes[i];

		json_put_map(o->j, NULL);
		json_put_count(o->j, "id", i);
		json_put_int(o->j, "parent", i ? (int64_t)n->parent : -1);
		json_put_text(o->j, "text", n->text);
		json_put_count(o->j, "samples", n->samples);
		report_json_value(o, "", n->total_value);
		json_put_count(o->j, "own_samples", n->own_samples);
		report_json_value(o, "own_", n->own_value);
		json_put_end_map(o->j);
	}
	json_put_end_list(o->j);
	view_tree__free(tree);
}

void report_json_losses(const struct report_json *o, const struct profile *p)
{
	json_put_list(o->j, "losses");
	for (size_t i = 0; i < p->loss_cnt; i++) {
		const struct profile_loss *l = &p->losses[i];

		json_put_map(o->j, NULL);
		json_put_text(o->j, "reason", l->reason);
		json_put_text(o->j, "sentence", l->sentence);
		json_put_bool(o->j, "failure", l->failure);
		if (l->failure)
			json_put_bool(o->j, "failed", l->failed);
		json_put_count(o->j, "samples", l->count);
		json_put_value(o->j, &p->types[l->type], "", l->value);
		if (l->process)
			json_put_count(o->j, "pid", p->processes[l->process].pid);
		json_put_end_map(o->j);
	}
	json_put_end_list(o->j);
}
