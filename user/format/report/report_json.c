/*
 * The report as JSON: the same figures as the tables, unrounded, described by report.schema.json.
 * The call tree is a list whose entries name their parents, since readers of JSON have limits on
 * nesting and stacks have not.
 */
#include "user/format/json.h"
#include "user/format/report/report_parts.h"
#include "user/profile/cpu_check.h"
#include "user/util/alloc.h"

static uint32_t at_most(const struct report_json *o, size_t cnt)
{
	return cnt < o->r->rows ? (uint32_t)cnt : o->r->rows;
}

static uint64_t held_ns(const struct profile *p)
{
	uint64_t held = 0;

	for (size_t i = 0; i < p->bucket_cnt; i++)
		held += p->buckets[i].gil_value_ns;
	return held;
}

void report_json_head(const struct report_json *o, const struct profile *p,
		      const struct totals_row *all)
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
	json_put_seconds(j, "cpu_seconds", all->value_ns);
	json_put_real(j, "gil_percent", report_percent(held_ns(p), p->value_ns));
	json_put_count(j, "truncated_samples", p->truncated_cnt);
	json_put_count(j, "lost_samples", profile__failed_cnt(p));
}

void report_json_function(const struct report_json *o, const struct profile_function *f)
{
	json_put_text(o->j, "name", *f->name ? f->name : "[unnamed]");
	json_put_text(o->j, "module", f->origin == PROFILE_MARK ? "" : f->module);
	json_put_text(o->j, "file", f->file);
	json_put_text(o->j, "short_file", f->short_file);
	json_put_int(o->j, "first_line", f->first_line);
	json_put_text(o->j, "origin", json_origins[f->origin]);
}

static void put_total(const struct report_json *o, uint64_t samples, uint64_t ns)
{
	json_put_count(o->j, "samples", samples);
	json_put_seconds(o->j, "seconds", ns);
	json_put_real(o->j, "percent", report_percent(ns, o->all_ns));
}

static void put_share(const struct report_json *o, const struct share *s)
{
	put_total(o, s->samples, s->value_ns);
	json_put_real(o->j, "gil_percent", report_percent(s->gil_ns, s->value_ns));
}

void report_json_own(const struct report_json *o, const struct totals_row *sum)
{
	json_put_count(o->j, "own_samples", sum->own_samples);
	json_put_seconds(o->j, "own_seconds", sum->own_value_ns);
	json_put_real(o->j, "own_percent", report_percent(sum->own_value_ns, o->all_ns));
	put_total(o, sum->samples, sum->value_ns);
}

/* ---- what the code is made of ---------------------------------------------------------------- */

static void put_function_keys(const struct report_json *o, const struct group *g)
{
	report_json_function(o, g->function);
}

static void put_line_keys(const struct report_json *o, const struct group *g)
{
	const struct report_source *s = &o->r->source;
	const char *text = s->line && g->line > 0 ? s->line(s->ctx, g->function, g->line) : NULL;

	report_json_function(o, g->function);
	json_put_int(o->j, "line", g->line);
	if (text)
		json_put_text(o->j, "source", text);
}

static void put_file_keys(const struct report_json *o, const struct group *g)
{
	json_put_text(o->j, "file", *g->function->file ? g->function->file : g->name);
	json_put_text(o->j, "short_file", g->function->short_file);
}

static void put_module_keys(const struct report_json *o, const struct group *g)
{
	json_put_text(o->j, "module", g->name);
}

static void put_groups(const struct report_json *o, const struct profile *p, enum groups_key key,
		       const char *list,
		       void (*put_keys)(const struct report_json *, const struct group *))
{
	struct groups *g = groups__new(key, o->r->view, false);
	__cleanup_free uint32_t *of_frame = groups__add(g, p);
	size_t cnt;
	__cleanup_free struct group_row *rows = groups__rows(g, of_frame, o->r->view, p, &cnt);

	json_put_list(o->j, list);
	for (uint32_t i = 0; i < at_most(o, cnt); i++) {
		json_put_map(o->j, NULL);
		put_keys(o, rows[i].group);
		report_json_own(o, &rows[i].sum);
		json_put_real(o->j, "gil_percent",
			      report_percent(rows[i].gil_ns, rows[i].sum.value_ns));
		json_put_end_map(o->j);
	}
	json_put_end_list(o->j);
	groups__free(g);
}

void report_json_functions(const struct report_json *o, const struct profile *p)
{
	put_groups(o, p, GROUPS_FUNCTION, "functions", put_function_keys);
}

void report_json_lines(const struct report_json *o, const struct profile *p)
{
	put_groups(o, p, GROUPS_LINE, "lines", put_line_keys);
}

void report_json_files(const struct report_json *o, const struct profile *p)
{
	put_groups(o, p, GROUPS_FILE, "files", put_file_keys);
}

void report_json_modules(const struct report_json *o, const struct profile *p)
{
	put_groups(o, p, GROUPS_MODULE, "modules", put_module_keys);
}

/* ---- who used the CPU ------------------------------------------------------------------------ */

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

void report_json_processes(const struct report_json *o, const struct profile *p)
{
	size_t cnt;
	__cleanup_free struct share *shares = shares_of(o->r->view, p, false, &cnt);
	__cleanup_free struct cpu_check *checks = cpu_checks_new(p);

	json_put_list(o->j, "processes");
	for (uint32_t i = 0; i < at_most(o, cnt); i++) {
		const struct profile_process *q = &p->processes[shares[i].id];

		json_put_map(o->j, NULL);
		json_put_count(o->j, "pid", q->pid);
		json_put_count(o->j, "parent_pid", q->parent_pid);
		json_put_text(o->j, "command", q->command);
		json_put_text(o->j, "python", q->python);
		json_put_text(o->j, "cgroup", q->cgroup);
		json_put_seconds(o->j, "cpu_clock", checks[shares[i].id].clock_ns);
		json_put_seconds(o->j, "sampled", checks[shares[i].id].sampled_ns);
		json_put_count(o->j, "lost_samples", shares[i].failed);
		put_share(o, &shares[i]);
		json_put_end_map(o->j);
	}
	json_put_end_list(o->j);
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
		json_put_seconds(o->j, "seconds", n->total_ns);
		json_put_count(o->j, "own_samples", n->own_samples);
		json_put_seconds(o->j, "own_seconds", n->own_ns);
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
		json_put_count(o->j, "samples", l->count);
		json_put_seconds(o->j, "seconds", l->value_ns);
		if (l->process)
			json_put_count(o->j, "pid", p->processes[l->process].pid);
		json_put_end_map(o->j);
	}
	json_put_end_list(o->j);
}
