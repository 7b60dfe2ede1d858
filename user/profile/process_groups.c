/* SPDX-License-Identifier: MIT */
#include "user/profile/process_groups.h"
#include "user/profile/program_title.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/intern.h"
#include <string.h>

enum key { CONTAINER, POD, NAMESPACE, UNIT, KEYS };

static const char *const keys[KEYS] = {
	[CONTAINER] = "container", [POD] = "pod", [NAMESPACE] = "namespace", [UNIT] = "unit"};

struct found {
	const char *values[KEYS]; /* NULL: none */
};

struct process_groups {
	struct intern *texts; /* by group: what its processes have alike */
	char **shown;         /* by group - 1: what it is called, where that is another text; NULL: none is */
	uint32_t *firsts;
	size_t cap;
	uint32_t *of_process;
	struct found *found; /* by process, too; NULL: groups are not by labels */
	uint32_t process_cnt;
	bool tell;
};

static void take(struct found *f, const struct profile_label *l)
{
	for (size_t k = 0; k < KEYS; k++)
		if (!strcmp(l->key, keys[k]))
			f->values[k] = *l->value ? l->value : NULL;
}

static char *text_of(const struct found *f)
{
	const char *pod = f->values[POD], *namespace = f->values[NAMESPACE];

	if (f->values[CONTAINER])
		return xasprintf("%s%s%s%s%s", namespace ? namespace : "", namespace ? "/" : "", pod ? pod : "",
				 pod ? "/" : "", f->values[CONTAINER]);
	return xstrdup(f->values[UNIT] ? f->values[UNIT] : "no container");
}

/* Labels of a profile that grows are in no order. */
static void find_labels(const struct profile *p, struct found *of_process)
{
	for (size_t i = 0; i < p->label_cnt; i++)
		take(&of_process[p->labels[i].process], &p->labels[i]);
}

static struct found find_one(const struct profile *p, uint32_t process)
{
	struct found f = {0};

	for (size_t i = 0; i < p->label_cnt; i++)
		if (p->labels[i].process == process)
			take(&f, &p->labels[i]);
	return f;
}

char *process_group_text(const struct profile *p, uint32_t process)
{
	const struct found f = find_one(p, process);

	return text_of(&f);
}

/* Takes `text`. */
static uint32_t group_of(struct process_groups *g, char *text, uint32_t process)
{
	size_t before = intern__count(g->texts);
	uint32_t id = intern__id(g->texts, text, strlen(text));

	if (id > before) {
		xgrow(g->firsts, before, g->cap);
		g->firsts[before] = process;
	}
	free(text);
	return id;
}

static struct process_groups *new_groups(const struct profile *p)
{
	struct process_groups *g = xcalloc(1, sizeof(*g));

	g->texts = intern__new();
	g->process_cnt = p->process_cnt;
	g->of_process = xcalloc((size_t)p->process_cnt + 1, sizeof(*g->of_process));
	return g;
}

struct process_groups *process_groups__new(const struct profile *p)
{
	struct process_groups *g = new_groups(p);
	bool any = false;

	g->found = xcalloc((size_t)p->process_cnt + 1, sizeof(*g->found));
	find_labels(p, g->found);
	for (uint32_t i = 1; i <= p->process_cnt; i++) {
		g->of_process[i] = group_of(g, text_of(&g->found[i]), i);
		any |= g->found[i].values[CONTAINER] || g->found[i].values[UNIT];
	}
	g->tell = any && intern__count(g->texts) > 1;
	return g;
}

/* Of a group: how many of its processes have samples, and one of those. */
struct sampled {
	uint32_t cnt, process;
};

static struct sampled *find_sampled(const struct process_groups *g, const struct view *v, const struct profile *p)
{
	struct sampled *found = xcalloc((size_t)process_groups__cnt(g) + 1, sizeof(*found));
	__cleanup_free bool *seen = xcalloc((size_t)p->process_cnt + 1, sizeof(*seen));

	for (size_t i = 0; i < p->bucket_cnt; i++) {
		uint32_t process = p->threads[p->buckets[i].thread].process;

		if (seen[process] || !view__samples(v, &p->buckets[i]))
			continue;
		seen[process] = true;
		found[g->of_process[process]].process = process;
		found[g->of_process[process]].cnt++;
	}
	return found;
}

/* A process alone keeps its own name. */
static char *program_text(const struct process_groups *g, const struct profile *p, uint32_t group,
			  const struct sampled *sampled)
{
	struct buf all = {0};
	const char **commands;
	uint32_t cnt = 0;
	char *text;

	if (sampled->cnt < 2)
		return view__process_text(p, sampled->process ? sampled->process : process_groups__first(g, group));
	commands = xcalloc((size_t)p->process_cnt + 1, sizeof(*commands));
	for (uint32_t i = 1; i <= p->process_cnt; i++)
		if (g->of_process[i] == group)
			commands[cnt++] = p->processes[i].command;
	text = program_title(commands, cnt);
	buf_printf(&all, "%s (%u processes)", text, sampled->cnt);
	free(text);
	free(commands);
	return buf_steal_text(&all);
}

struct process_groups *process_groups__programs(const struct view *v, const struct profile *p)
{
	struct process_groups *g = new_groups(p);
	__cleanup_free struct sampled *sampled = NULL;
	uint32_t cnt;

	for (uint32_t i = 1; i <= p->process_cnt; i++)
		g->of_process[i] = group_of(g, program_key(p->processes[i].command), i);
	cnt = process_groups__cnt(g);
	sampled = find_sampled(g, v, p);
	g->shown = xcalloc((size_t)cnt + 1, sizeof(*g->shown));
	for (uint32_t i = 1; i <= cnt; i++) {
		g->shown[i - 1] = program_text(g, p, i, &sampled[i]);
		g->tell |= sampled[i].cnt > 1;
	}
	return g;
}

void process_groups__free(struct process_groups *g)
{
	if (!g)
		return;
	for (uint32_t i = 0; g->shown && i < process_groups__cnt(g); i++)
		free(g->shown[i]);
	free(g->shown);
	intern__free(g->texts);
	free(g->of_process);
	free(g->found);
	free(g->firsts);
	free(g);
}

uint32_t process_groups__cnt(const struct process_groups *g)
{
	return intern__count(g->texts);
}

uint32_t process_groups__of(const struct process_groups *g, uint32_t process)
{
	return g->of_process[process <= g->process_cnt ? process : 0];
}

uint32_t process_groups__first(const struct process_groups *g, uint32_t group)
{
	return group ? g->firsts[group - 1] : 0;
}

const char *process_groups__text(const struct process_groups *g, uint32_t group)
{
	return g->shown && group ? g->shown[group - 1] : intern__bytes(g->texts, group, NULL);
}

char *process_groups__root(const struct process_groups *g, uint32_t process)
{
	uint32_t at = process <= g->process_cnt ? process : 0;
	const struct found none = {0}, *f = g->found ? &g->found[at] : &none;
	const char *kind = f->values[CONTAINER] ? "container " : f->values[UNIT] ? "unit " : "";
	__cleanup_free char *text = text_of(f);

	if (g->shown && at)
		return xstrdup(process_groups__text(g, g->of_process[at]));
	return xasprintf("%s%s", kind, text);
}

bool process_groups__tell(const struct process_groups *g)
{
	return g->tell;
}
