/* SPDX-License-Identifier: MIT */
/*
 * A profile as text or JSON, section by section. Percentages are of the values of the samples,
 * not of their number: a sample says how much it stands for.
 */
#include "user/format/report.h"
#include "user/format/report/report_parts.h"
#include "user/profile/process_groups.h"
#include "user/profile/task_labels.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include <errno.h>
#include <string.h>

static bool has_samples(const struct view *v, const struct profile *p)
{
	for (size_t i = 0; i < p->bucket_cnt; i++)
		if (view__samples(v, &p->buckets[i]))
			return true;
	return false;
}

static bool has_several(const struct view *v, const struct profile *p, bool threads)
{
	size_t cnt;

	free(shares_of(v, p, threads, &cnt));
	return cnt > 1;
}

static bool has_processes(const struct view *v, const struct profile *p)
{
	return has_several(v, p, false);
}

static bool has_threads(const struct view *v, const struct profile *p)
{
	return has_several(v, p, true);
}

static bool has_tasks(const struct view *v, const struct profile *p)
{
	struct task_labels *labels = task_labels__new(p);
	bool any = task_labels__any(labels);

	(void)v;
	task_labels__free(labels);
	return any;
}

static bool has_containers(const struct view *v, const struct profile *p)
{
	struct process_groups *g = process_groups__new(p);
	bool tell = process_groups__tell(g);
	size_t cnt;

	free(shares_of_groups(v, p, g, &cnt));
	process_groups__free(g);
	return tell && cnt > 1;
}

/* In the order of the whole report; those without `in_all` are shown by --by alone. */
static const struct section {
	const char *name;
	bool (*in_all)(const struct view *v, const struct profile *p);
	void (*put)(const struct report_text *t, const struct profile *p); /* NULL: a table of groups, by `key` */
	void (*json)(const struct report_json *o, const struct profile *p);
	enum groups_key key;
} sections[] = {
	{"function", has_samples, .key = GROUPS_FUNCTION},
	{"line", has_samples, .key = GROUPS_LINE},
	{"tree", has_samples, report_put_tree, report_json_tree, 0},
	{"callers", has_samples, report_put_hottest, report_json_hottest, 0},
	{"module", has_samples, .key = GROUPS_MODULE},
	{"file", NULL, .key = GROUPS_FILE},
	{"container", has_containers, report_put_containers, report_json_containers, 0},
	{"process", has_processes, report_put_processes, report_json_processes, 0},
	{"thread", has_threads, report_put_threads, report_json_threads, 0},
	{"task", has_tasks, report_put_tasks, report_json_tasks, 0},
	{"gil", report_has_gil_waits, report_put_gil_waits, report_json_gil_waits, 0},
	{0},
};

char *report_section_names(void)
{
	struct buf out = {0};

	for (const struct section *s = sections; s->name; s++)
		buf_printf(&out, "%s%s", s == sections ? "" : ", ", s->name);
	return buf_steal_text(&out);
}

bool report_has_section(const char *name)
{
	for (const struct section *s = sections; s->name; s++)
		if (!strcmp(s->name, name))
			return true;
	return false;
}

static bool is_wanted(const struct section *s, const struct report *r, const struct profile *p)
{
	if (r->by)
		return !strcmp(s->name, r->by);
	return s->in_all && s->in_all(r->view, p);
}

static struct totals_row sum_all(const struct profile *p, const struct view *v)
{
	struct view_sum sum = view__sum(v, p);

	return (struct totals_row){.samples = sum.samples, .value = sum.value};
}

/* Of recordings that did not look, or of a view where it is always so, a column says nothing. */
static bool knows_gil(const struct profile *p, const struct view *v)
{
	if (p->meta.gil_only || v->gil_only)
		return false;
	for (size_t i = 0; i < p->bucket_cnt; i++)
		if (view__gil_samples(v, &p->buckets[i]))
			return true;
	return false;
}

static int write_callers(const struct report_text *t, const struct profile *p, const struct totals_row *all)
{
	int err = 0;
	struct callers *c = report_callers__new(t->r, p, &err);

	if (!c)
		return err;
	report_put_head(t, p, all);
	report_put_callers(t, c);
	report_callers__free(c);
	return 0;
}

int report_write(const struct profile *p, const struct report *r, FILE *out)
{
	struct totals_row all = sum_all(p, r->view);
	struct report_text t = {.r = r,
				.out = out,
				.type = view__type(r->view, p),
				.all_value = all.value,
				.all_samples = all.samples,
				.has_gil = knows_gil(p, r->view)};

	if (r->callers)
		return write_callers(&t, p, &all);
	if (!r->by)
		report_put_findings(&t, p);
	report_put_head(&t, p, &all);
	if (!all.samples && r->by)
		report_heading(&t, "No samples%s", r->view->gil_only ? " that held the GIL" : "");
	for (const struct section *s = sections; s->name; s++)
		if (is_wanted(s, r, p))
			s->put ? s->put(&t, p) : report_put_groups(&t, p, s->key);
	if (!r->by) {
		report_put_losses(&t, p, true);
		report_put_losses(&t, p, false);
	}
	return 0;
}

int report_write_json(const struct profile *p, const struct report *r, FILE *out)
{
	struct totals_row all = sum_all(p, r->view);
	struct json_put json = {.out = out, .is_indented = true};
	struct report_json o = {
		.r = r, .j = &json, .type = view__type(r->view, p), .all_value = all.value, .all_samples = all.samples};
	int err = 0;
	struct callers *callers = r->callers ? report_callers__new(r, p, &err) : NULL;

	if (err)
		return err;
	json_put_map(o.j, NULL);
	report_json_head(&o, p, &all);
	if (!r->by && !callers)
		report_json_findings(&o, p);
	if (callers)
		report_json_callers(&o, callers);
	for (const struct section *s = sections; s->name && !r->callers; s++)
		if (!r->by || !strcmp(s->name, r->by))
			s->json ? s->json(&o, p) : report_json_groups(&o, p, s->key);
	report_json_losses(&o, p);
	json_put_end_map(o.j);
	report_callers__free(callers);
	return ferror(out) ? -EIO : 0;
}
