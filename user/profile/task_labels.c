/* SPDX-License-Identifier: MIT */
#include "user/profile/task_labels.h"
#include "user/profile/view.h"
#include "user/util/alloc.h"
#include "user/util/intern.h"
#include "user/util/pair_map.h"
#include <string.h>

struct task_labels {
	const struct profile *p;
	struct intern *texts;
	uint32_t *of_task;   /* label; 0: not made yet */
	uint32_t *loop;      /* by stack: its innermost frame of a loop */
	uint32_t *beginning; /* … and the first frame of what that had called */
	uint8_t *known;      /* by process: enum tasks_known */
	bool any;
	struct task_facts *facts; /* by label, once they are asked for */
	uint32_t fact_cnt;
};

static const char several[] = "…";

enum loop { LOOP_NOT, LOOP_OUTER, LOOP_INNER };

/* Lib/asyncio: what calls a task's coroutine, or a callback. Of uvloop only the outer ones are in Python. */
static enum loop loop_of(const struct profile_function *f)
{
	static const struct {
		const char *module, *name;
		enum loop loop;
	} loops[] = {
		{"asyncio.events", "Handle._run", LOOP_INNER},
		{"asyncio.events", "_run", LOOP_INNER},
		{"asyncio.runners", "Runner.run", LOOP_OUTER},
		{"asyncio.runners", "run", LOOP_OUTER},
		{"uvloop", "run", LOOP_OUTER},
	};

	for (size_t i = 0; f->kind == PROFILE_PYTHON && i < ARRAY_SIZE(loops); i++)
		if (!strcmp(f->module, loops[i].module) && !strcmp(f->name, loops[i].name))
			return loops[i].loop;
	return LOOP_NOT;
}

/* Of the program, not of the loop: which calls the library's functions for itself, where it has begun or goes to an end. */
static bool is_called(const struct profile_function *f, enum loop by)
{
	return f->kind == PROFILE_PYTHON && strncmp(f->module, "asyncio.", strlen("asyncio.")) != 0 &&
	       (by == LOOP_INNER || (f->origin != PROFILE_STDLIB && strcmp(f->module, "uvloop") != 0));
}

static const struct profile_function *function_of(const struct profile *p, uint32_t stack)
{
	return &p->functions[p->frames[p->stacks[stack].frame].function];
}

/* Parents come first. The innermost loop counts: one may have been run by what another one called. */
static void find_beginnings(struct task_labels *t)
{
	const struct profile *p = t->p;

	t->beginning = xcalloc(p->stack_cnt + 1u, sizeof(*t->beginning));
	t->loop = xcalloc(p->stack_cnt + 1u, sizeof(*t->loop));
	for (uint32_t s = 1; s <= p->stack_cnt; s++) {
		uint32_t parent = p->stacks[s].parent;
		const struct profile_function *f = function_of(p, s);

		t->loop[s] = loop_of(f) ? s : t->loop[parent];
		if (t->loop[s] == s)
			continue;
		t->beginning[s] = t->beginning[parent];
		if (!t->beginning[s] && t->loop[s] && is_called(f, loop_of(function_of(p, t->loop[s]))))
			t->beginning[s] = s;
	}
}

struct task_labels *task_labels__new(const struct profile *p)
{
	struct task_labels *t = xcalloc(1, sizeof(*t));

	t->p = p;
	t->texts = intern__new();
	t->of_task = xcalloc(p->task_cnt + 1u, sizeof(*t->of_task));
	t->known = xcalloc(p->process_cnt + 1u, sizeof(*t->known));
	find_beginnings(t);
	for (uint32_t i = 1; i <= p->task_cnt; i++)
		t->known[p->tasks[i].process] = TASKS_KNOWN;
	for (size_t i = 0; i < p->bucket_cnt; i++) {
		uint8_t *known = &t->known[p->threads[p->buckets[i].thread].process];

		if (!*known && t->beginning[p->buckets[i].stack])
			*known = TASKS_CALLS;
		t->any |= *known != TASKS_NONE;
	}
	return t;
}

void task_labels__free(struct task_labels *t)
{
	if (!t)
		return;
	intern__free(t->texts);
	free(t->of_task);
	free(t->loop);
	free(t->beginning);
	free(t->known);
	free(t->facts);
	free(t);
}

char *task_label(const struct profile_task *task)
{
	return *task->coroutine ? xasprintf("%s()", task->coroutine) : xstrdup(*task->name ? task->name : "[unnamed]");
}

uint32_t task_labels__count(const struct task_labels *t)
{
	return intern__count(t->texts);
}

const char *task_labels__text(const struct task_labels *t, uint32_t label)
{
	return intern__bytes(t->texts, label, NULL);
}

uint32_t task_labels__of_task(struct task_labels *t, uint32_t task)
{
	__cleanup_free char *text = NULL;

	if (!task || task > t->p->task_cnt)
		return 0;
	if (!t->of_task[task]) {
		text = task_label(&t->p->tasks[task]);
		t->of_task[task] = intern__id(t->texts, text, strlen(text));
	}
	return t->of_task[task];
}

enum tasks_known task_labels__kind(const struct task_labels *t, uint32_t thread)
{
	return t->known[t->p->threads[thread].process];
}

uint32_t task_labels__of(struct task_labels *t, uint32_t thread, uint32_t task, uint32_t stack)
{
	uint32_t from = t->beginning[stack];
	__cleanup_free char *text = NULL;

	if (task || task_labels__kind(t, thread) != TASKS_CALLS || !from)
		return task_labels__of_task(t, task);
	text = xasprintf("%s()", view__name(t->p, t->p->frames[t->p->stacks[from].frame].function));
	return intern__id(t->texts, text, strlen(text));
}

uint32_t task_labels__loop(const struct task_labels *t, uint32_t task, uint32_t stack)
{
	uint32_t loop = t->loop[stack], from = t->beginning[stack];

	if (task && loop && (!from || loop_of(function_of(t->p, loop)) == LOOP_INNER))
		return loop;
	return from ? t->p->stacks[from].parent : 0;
}

bool task_labels__any(const struct task_labels *t)
{
	return t->any;
}

/* Names of tasks that are awaited by several are there several times: it is names, or numbers, that are counted. */
static void find_facts(struct task_labels *t)
{
	struct pair_map seen = {0}; /* (label, name) */
	struct intern *names = intern__new();

	t->fact_cnt = intern__count(t->texts) + 1u;
	t->facts = xcalloc(t->fact_cnt, sizeof(*t->facts));
	for (uint32_t i = 1; i <= t->p->task_cnt; i++) {
		const struct profile_task *task = &t->p->tasks[i];
		uint32_t by = task_labels__of_task(t, task->parent);
		struct task_facts *f = &t->facts[task_labels__of_task(t, i)];
		uint32_t *name = pair_map__slot(&seen, task_labels__of_task(t, i),
						intern__id(names, task->name, strlen(task->name)));
		const char *awaiter = by ? task_labels__text(t, by) : NULL;

		f->cnt += !*name;
		*name = 1;
		if (awaiter)
			f->awaited_by = !f->awaited_by || f->awaited_by == awaiter ? awaiter : several;
	}
	intern__free(names);
	pair_map__free(&seen);
}

struct task_facts task_labels__facts(struct task_labels *t, uint32_t label)
{
	struct task_facts facts = {0};

	for (uint32_t i = 1; !t->facts && i <= t->p->task_cnt; i++)
		task_labels__of_task(t, i);
	if (!t->facts)
		find_facts(t);
	if (label < t->fact_cnt)
		facts = t->facts[label];
	facts.text = label ? task_labels__text(t, label) : "[no task]";
	return facts;
}
