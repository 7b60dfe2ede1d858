/* SPDX-License-Identifier: MIT */
#include "user/profile/task_frames.h"
#include "user/profile/task_labels.h"
#include "user/util/alloc.h"
#include <string.h>

#define CHAIN_MAX   32 /* frames of tasks on a stack; the model has no limit */
#define TASK_MODULE "asyncio tasks"
#define NO_TASK     0x80000000u

struct frames {
	const struct profile *p;
	struct restack r;
	struct task_labels *labels;
	uint32_t *by_label; /* frame; 0: not made yet. Of label 0: of what ran for none */
	size_t label_cnt, label_cap;
	uint32_t *of_task;  /* its stack of such frames … */
	uint8_t *depths;    /* … and how deep that is */
	struct pair_map to; /* (what it ran for, stack) → new stack */
	uint32_t *path;     /* frames still to be added */
};

bool task_frame__is(const struct profile_function *f)
{
	return f->kind == PROFILE_SYNTHETIC && !strcmp(f->module, TASK_MODULE);
}

static uint32_t frame_of(struct frames *f, uint32_t label)
{
	static const struct profile_function like = {
		.module = TASK_MODULE, .file = "", .short_file = "", .kind = PROFILE_SYNTHETIC};

	while (f->label_cnt <= label) {
		xgrow(f->by_label, f->label_cnt, f->label_cap);
		f->by_label[f->label_cnt++] = 0;
	}
	if (!f->by_label[label])
		f->by_label[label] = restack__frame(&f->r, &like,
						    label ? xasprintf("task %s", task_labels__text(f->labels, label))
							  : xstrdup("[no task]"));
	return f->by_label[label];
}

/* Those that await come first. Of a chain that is too long the outermost ones are left out. */
static void add_tasks(struct frames *f)
{
	for (uint32_t i = 1; i <= f->p->task_cnt; i++) {
		uint32_t parent = f->p->tasks[i].parent;

		if (f->depths[parent] == CHAIN_MAX)
			parent = 0;
		f->depths[i] = (uint8_t)(f->depths[parent] + 1);
		f->of_task[i] =
			restack__stack(&f->r, f->of_task[parent], frame_of(f, task_labels__of_task(f->labels, i)));
	}
}

/* What a sample ran for, as far as it matters for its stack. */
static uint32_t reason_of(const struct frames *f, uint32_t thread, uint32_t task)
{
	return task ? task : NO_TASK | task_labels__kind(f->labels, thread);
}

static uint32_t root_of(struct frames *f, const struct profile_bucket *b)
{
	if (b->task)
		return f->of_task[b->task];
	if (task_labels__kind(f->labels, b->thread) == TASKS_NONE)
		return 0;
	return restack__stack(&f->r, 0, frame_of(f, task_labels__of(f->labels, b->thread, 0, b->stack)));
}

static uint32_t new_stack(struct frames *f, const struct profile_bucket *b)
{
	const struct profile_stack *stacks = f->p->stacks;
	uint32_t node = root_of(f, b), end = 0;
	size_t n = 0;

	if (task_labels__of(f->labels, b->thread, b->task, b->stack))
		end = task_labels__loop(f->labels, b->task, b->stack);
	for (uint32_t s = b->stack; s != end; s = stacks[s].parent)
		f->path[n++] = stacks[s].frame;
	while (n)
		node = restack__stack(&f->r, node, f->path[--n]);
	return node;
}

static uint32_t stack_of(void *ctx, const struct profile_sample *s)
{
	const struct frames *f = ctx;

	return pair_map__get(&f->to, reason_of(f, s->thread, s->task), s->stack);
}

static void free_frames(void *ctx)
{
	struct frames *f = ctx;

	task_labels__free(f->labels);
	pair_map__free(&f->to);
	free(f);
}

struct profile *profile__task_frames(const struct profile *p)
{
	struct frames *f = xcalloc(1, sizeof(*f));
	struct profile *q;

	f->p = p;
	f->labels = task_labels__new(p);
	if (!task_labels__any(f->labels)) {
		free_frames(f);
		return NULL;
	}
	restack__begin(&f->r, p, CHAIN_MAX);
	f->of_task = xcalloc(p->task_cnt + 1u, sizeof(*f->of_task));
	f->depths = xcalloc(p->task_cnt + 1u, sizeof(*f->depths));
	f->path = xcalloc(profile__max_depth(p) + 1, sizeof(*f->path));
	add_tasks(f);
	for (size_t i = 0; i < p->bucket_cnt; i++) {
		const struct profile_bucket *b = &p->buckets[i];
		uint32_t *slot = pair_map__slot(&f->to, reason_of(f, b->thread, b->task), b->stack);

		if (!*slot)
			*slot = new_stack(f, b);
		f->r.o->p.buckets[i].stack = *slot;
	}
	free(f->of_task);
	free(f->depths);
	free(f->path);
	free(f->by_label);
	q = restack__end(&f->r, stack_of, f, free_frames);
	return q;
}
