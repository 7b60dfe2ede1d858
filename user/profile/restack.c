/* SPDX-License-Identifier: MIT */
#include "user/profile/restack.h"
#include "user/util/alloc.h"
#include <string.h>

/* A table of its own, to be added to. */
static void *copy_of(const void *table, size_t cnt, size_t size)
{
	void *copy = xcalloc(cnt, size);

	if (cnt)
		memcpy(copy, table, cnt * size);
	return copy;
}

void restack__begin(struct restack *r, const struct profile *p, size_t deeper)
{
	struct profile *q;

	*r = (struct restack){.p = p, .o = xcalloc(1, sizeof(*r->o))};
	r->o->texts = intern__new();
	r->o->max_depth = profile__max_depth(p) + deeper;
	q = &r->o->p;
	*q = *p;
	q->functions = copy_of(p->functions, p->function_cnt + 1u, sizeof(*q->functions));
	q->frames = copy_of(p->frames, p->frame_cnt + 1u, sizeof(*q->frames));
	q->buckets = copy_of(p->buckets, p->bucket_cnt, sizeof(*q->buckets));
	q->stacks = xcalloc(1, sizeof(*q->stacks));
	q->stack_cnt = 0;
	r->o->first_frames = xcalloc(p->function_cnt + 1u, sizeof(*r->o->first_frames));
	for (uint32_t i = 1; i <= p->function_cnt; i++)
		r->o->first_frames[i] = profile__first_frame(p, i);
	r->function_cap = r->first_cap = p->function_cnt + 1u;
	r->frame_cap = p->frame_cnt + 1u;
	r->stack_cap = 1;
}

uint32_t restack__frame(struct restack *r, const struct profile_function *like, char *name)
{
	struct profile *q = &r->o->p;
	uint32_t text = intern__id(r->o->texts, name, strlen(name));
	struct profile_function made = *like;

	free(name);
	made.id = q->function_cnt + 1;
	made.name = intern__bytes(r->o->texts, text, NULL);
	xgrow(q->functions, made.id, r->function_cap);
	xgrow(r->o->first_frames, made.id, r->first_cap);
	xgrow(q->frames, q->frame_cnt + 1, r->frame_cap);
	q->functions[++q->function_cnt] = made;
	q->frames[++q->frame_cnt] = (struct profile_frame){.id = q->frame_cnt, .function = made.id};
	r->o->first_frames[made.id] = q->frame_cnt;
	return q->frame_cnt;
}

uint32_t restack__stack(struct restack *r, uint32_t parent, uint32_t frame)
{
	uint32_t *slot = pair_map__slot(&r->stacks, parent, frame);
	struct profile *q = &r->o->p;

	if (!*slot) {
		xgrow(q->stacks, q->stack_cnt + 1, r->stack_cap);
		q->stacks[++q->stack_cnt] = (struct profile_stack){q->stack_cnt, parent, frame};
		*slot = q->stack_cnt;
	}
	return *slot;
}

/* ---- samples one by one ---------------------------------------------------------------------------------- */

struct source {
	const struct profile *p;
	restack_fn of;
	void *ctx;
	void (*free_ctx)(void *ctx);
};

struct pass {
	const struct source *source;
	profile_sample_fn fn;
	void *arg;
};

static int pass_sample(void *arg, const struct profile_sample *s)
{
	const struct pass *pass = arg;
	struct profile_sample out = *s;

	out.stack = pass->source->of(pass->source->ctx, s);
	return pass->fn(pass->arg, &out);
}

static int each_sample(void *ctx, profile_sample_fn fn, void *arg)
{
	const struct source *s = ctx;
	struct pass pass = {s, fn, arg};

	return profile__each_sample(s->p, pass_sample, &pass);
}

static void free_source(void *ctx)
{
	struct source *s = ctx;

	s->free_ctx(s->ctx);
	free(s);
}

struct profile *restack__end(struct restack *r, restack_fn of, void *ctx, void (*free_ctx)(void *ctx))
{
	struct profile *q = &r->o->p;
	struct source *s;

	pair_map__free(&r->stacks);
	q->samples = (struct profile_samples){0};
	if (!r->p->samples.each) {
		free_ctx(ctx);
		return q;
	}
	s = xcalloc(1, sizeof(*s));
	*s = (struct source){r->p, of, ctx, free_ctx};
	q->samples = (struct profile_samples){each_sample, free_source, s};
	return q;
}

void restack__free(struct profile *p)
{
	struct owned *o = (struct owned *)p;

	if (!p)
		return;
	if (p->samples.free)
		p->samples.free(p->samples.ctx);
	free(p->functions);
	free(p->frames);
	free(p->stacks);
	free(p->buckets);
	free(o->first_frames);
	intern__free(o->texts);
	free(o);
}
