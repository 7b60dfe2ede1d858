#include "user/profile/process_groups.h"
#include "user/util/alloc.h"
#include "user/util/intern.h"
#include <string.h>

enum key { CONTAINER, POD, NAMESPACE, UNIT, KEYS };

static const char *const keys[KEYS] = {
	[CONTAINER] = "container", [POD] = "pod", [NAMESPACE] = "namespace", [UNIT] = "unit"};

struct found {
	const char *values[KEYS]; /* NULL: none */
};

struct process_groups {
	struct intern *texts; /* by group */
	uint32_t *firsts;
	size_t cap;
	uint32_t *of_process;
	struct found *found; /* by process, too */
	uint32_t process_cnt;
	bool tell;
};

static void take(struct found *f, const struct profile_label *l)
{
	for (size_t k = 0; k < KEYS; k++)
		if (!strcmp(l->key, keys[k]))
			f->values[k] = l->value;
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

static uint32_t group_of(struct process_groups *g, const struct found *f, uint32_t process)
{
	__cleanup_free char *text = text_of(f);
	size_t before = intern__count(g->texts);
	uint32_t id = intern__id(g->texts, text, strlen(text));

	if (id > before) {
		xgrow(g->firsts, before, g->cap);
		g->firsts[before] = process;
	}
	return id;
}

struct process_groups *process_groups__new(const struct profile *p)
{
	struct process_groups *g = xcalloc(1, sizeof(*g));
	bool any = false;

	g->texts = intern__new();
	g->process_cnt = p->process_cnt;
	g->of_process = xcalloc((size_t)p->process_cnt + 1, sizeof(*g->of_process));
	g->found = xcalloc((size_t)p->process_cnt + 1, sizeof(*g->found));
	find_labels(p, g->found);
	for (uint32_t i = 1; i <= p->process_cnt; i++) {
		g->of_process[i] = group_of(g, &g->found[i], i);
		any |= g->found[i].values[CONTAINER] || g->found[i].values[UNIT];
	}
	g->tell = any && intern__count(g->texts) > 1;
	return g;
}

void process_groups__free(struct process_groups *g)
{
	if (!g)
		return;
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
	return intern__bytes(g->texts, group, NULL);
}

char *process_groups__root(const struct process_groups *g, uint32_t process)
{
	const struct found *f = &g->found[process <= g->process_cnt ? process : 0];
	const char *kind = f->values[CONTAINER] ? "container " : f->values[UNIT] ? "unit " : "";
	__cleanup_free char *text = text_of(f);

	return xasprintf("%s%s", kind, text);
}

bool process_groups__tell(const struct process_groups *g)
{
	return g->tell;
}
