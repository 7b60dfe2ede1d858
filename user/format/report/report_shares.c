/* SPDX-License-Identifier: MIT */
/* Containers, processes and threads, with the share of their values that held the GIL. */
#include "user/format/report/report_parts.h"
#include "user/profile/process_groups.h"
#include "user/profile/task_labels.h"
#include "user/util/alloc.h"
#include <inttypes.h>

/* "CPU %    CPU s", "alloc %       MiB", "faults %    faults" */
static void put_titles(const struct report_text *t, const char *heading, const char *rest)
{
	const char *name = value_adjective(t->type), *word = value_unit(t->type)->short_word;
	__cleanup_free char *percent = xasprintf("%s %%", name);
	__cleanup_free char *amount =
		t->type->unit == PROFILE_NANOSECONDS ? value_heading(t->type) : xstrdup(*word ? word : name);

	report_heading(t, "%s", heading);
	report_line(t, "%-11s %9s  samples %s", percent, amount, rest);
}

static char *numbers_text(const struct report_text *t, const struct share *s)
{
	char share[REPORT_SHARE_BYTES];

	return xasprintf("%s %9.*f %8" PRIu64, report_share_of_all(t, s->value, share), report_decimals(t),
			 value_amount(t->type, (double)s->value), s->samples);
}

static void put_share_groups(const struct report_text *t, const struct profile *p, const struct process_groups *g,
			     const char *title)
{
	size_t cnt;
	__cleanup_free struct share *shares = shares_of_groups(t->r->view, p, g, &cnt);

	put_titles(t, title, "    lost   failed  name");
	for (size_t i = 0; i < cnt && i < t->r->rows; i++) {
		__cleanup_free char *numbers = numbers_text(t, &shares[i]);

		report_line(t, "%s %8" PRIu64 " %8" PRIu64 "  %s", numbers, shares[i].lost, shares[i].failed,
			    process_groups__text(g, shares[i].id));
	}
	report_more(t, cnt);
}

static void put_programs(const struct report_text *t, const struct profile *p)
{
	struct process_groups *g = process_groups__programs(t->r->view, p);

	put_share_groups(t, p, g, "By program");
	process_groups__free(g);
}

void report_put_processes(const struct report_text *t, const struct profile *p)
{
	size_t cnt;
	__cleanup_free struct share *shares = shares_of(t->r->view, p, false, &cnt);

	if (t->r->view->merge_processes) {
		put_programs(t, p);
		return;
	}
	put_titles(t, "By process", "    lost   failed      pid  Python   command");
	for (size_t i = 0; i < cnt && i < t->r->rows; i++) {
		const struct profile_process *q = &p->processes[shares[i].id];
		__cleanup_free char *numbers = numbers_text(t, &shares[i]);
		__cleanup_free char *before =
			xasprintf("%s %8" PRIu64 " %8" PRIu64 " %8" PRIu32 "  %-8s ", numbers, shares[i].lost,
				  shares[i].failed, q->pid, *q->python ? q->python : "-");

		report_item(t, before, q->command, COLUMNS_KEEP_COMMAND);
	}
	report_more(t, cnt);
}

void report_put_containers(const struct report_text *t, const struct profile *p)
{
	struct process_groups *g = process_groups__new(p);

	put_share_groups(t, p, g, "By container");
	process_groups__free(g);
}

static char *gil_text(const struct share *s)
{
	return s->value && s->no_gil_value == s->value ? xstrdup("no GIL")
						       : xasprintf("%.1f", report_percent(s->gil_value, s->value));
}

void report_put_threads(const struct report_text *t, const struct profile *p)
{
	size_t cnt;
	__cleanup_free struct share *shares = shares_of(t->r->view, p, true, &cnt);

	put_titles(t, "By thread", "   GIL %      pid   thread  name");
	for (size_t i = 0; i < cnt && i < t->r->rows; i++) {
		const struct profile_thread *th = &p->threads[shares[i].id];
		__cleanup_free char *numbers = numbers_text(t, &shares[i]), *gil = gil_text(&shares[i]);

		report_line(t, "%s %8s %8" PRIu32 " %8" PRIu32 "  %s", numbers, gil, p->processes[th->process].pid,
			    th->tid, th->name);
	}
	report_more(t, cnt);
}

void report_put_tasks(const struct report_text *t, const struct profile *p)
{
	struct task_labels *labels = task_labels__new(p);
	size_t cnt;
	__cleanup_free struct share *shares = shares_of_tasks(t->r->view, p, labels, &cnt);

	put_titles(t, "By task", "   tasks  task, awaited by");
	for (size_t i = 0; i < cnt && i < t->r->rows; i++) {
		struct task_facts facts = task_labels__facts(labels, shares[i].id);
		__cleanup_free char *numbers = numbers_text(t, &shares[i]);
		__cleanup_free char *tasks = facts.cnt ? xasprintf("%" PRIu32, facts.cnt) : xstrdup("-");

		report_line(t, "%s %8s  %s%s%s", numbers, tasks, facts.text, facts.awaited_by ? " ← " : "",
			    facts.awaited_by ? facts.awaited_by : "");
	}
	report_more(t, cnt);
	task_labels__free(labels);
}
