/* SPDX-License-Identifier: MIT */
/*
 * The model's read side: walking stacks, going through samples, adding up losses. How it is filled
 * is in builder.c, which also guarantees what everything here relies on: ids are in range, a
 * stack's parent is older than itself, and no stack is deeper than PROFILE_MAX_DEPTH.
 */
#include "user/profile/profile.h"
#include "user/profile/owned.h"
#include "user/util/alloc.h"
#include <string.h>

static struct owned *owned_of(const struct profile *p)
{
	return (struct owned *)p; /* its first member */
}

void profile__free(struct profile *p)
{
	if (!p)
		return;
	if (p->samples.free)
		p->samples.free(p->samples.ctx);
	free(p->processes);
	free(p->threads);
	free(p->functions);
	free(p->frames);
	free(p->stacks);
	free(p->buckets);
	free(p->losses);
	free(p->types);
	free(p->tasks);
	free(p->labels);
	free(p->sources);
	free(owned_of(p)->first_frames);
	intern__free(owned_of(p)->texts);
	free(p);
}

struct each {
	const struct profile *p;
	profile_sample_fn fn;
	void *arg;
};

/* A source that is read again still holds what the builder refused: samples agree with buckets. */
static int pass_valid(void *arg, const struct profile_sample *s)
{
	const struct each *e = arg;
	struct profile_sample fixed = *s;

	if (!s->thread || s->thread > e->p->thread_cnt || !s->stack || s->stack > e->p->stack_cnt ||
	    s->type >= e->p->type_cnt)
		return 0;
	if (fixed.task > e->p->task_cnt)
		fixed.task = 0;
	if (fixed.gil > PROFILE_GIL_NONE)
		fixed.gil = PROFILE_GIL_UNKNOWN;
	return e->fn(e->arg, &fixed);
}

int profile__each_sample(const struct profile *p, profile_sample_fn fn, void *arg)
{
	struct each e = {p, fn, arg};

	return p->samples.each ? p->samples.each(p->samples.ctx, pass_valid, &e) : 0;
}

size_t profile__stack_frames(const struct profile *p, uint32_t stack, uint32_t *out, size_t max)
{
	size_t depth = 0;

	for (uint32_t s = stack; s && depth < max; s = p->stacks[s].parent)
		depth++;
	for (size_t i = depth; i; stack = p->stacks[stack].parent)
		out[--i] = p->stacks[stack].frame;
	return depth;
}

size_t profile__max_depth(const struct profile *p)
{
	return owned_of(p)->max_depth;
}

bool profile__has_texts(const struct profile *p)
{
	for (size_t i = 0; i < p->source_cnt; i++)
		if (*p->sources[i].text)
			return true;
	return false;
}

const struct profile_label *profile__labels(const struct profile *p, uint32_t process, size_t *cnt)
{
	size_t from = 0, to = p->label_cnt;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (p->labels[mid].process < process)
			from = mid + 1;
		else
			to = mid;
	}
	while (to < p->label_cnt && p->labels[to].process == process)
		to++;
	*cnt = to - from;
	return p->labels + from;
}

const struct profile_value_type *profile__type(const struct profile *p, const char *name)
{
	for (uint32_t i = 0; i < p->type_cnt; i++)
		if (!strcmp(p->types[i].name, name))
			return &p->types[i];
	return NULL;
}

uint32_t profile__first_frame(const struct profile *p, uint32_t function)
{
	return function <= p->function_cnt ? owned_of(p)->first_frames[function] : 0;
}
