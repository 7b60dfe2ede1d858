/* SPDX-License-Identifier: MIT */
#include "user/profile/only.h"
#include "user/util/alloc.h"
#include "user/util/pair_map.h"
#include <string.h>

#define ID_MIN 4 /* characters of an id's beginning */

struct only {
	struct profile_sink out;
	char *key, *value;
	struct pair_map chosen;  /* (process) */
	struct pair_map threads; /* (thread) → its process */
};

static void on_meta(void *ctx, const struct profile_meta *m)
{
	struct only *o = ctx;

	struct profile_meta out = *m;

	out.ticks = out.filtered = 0; /* of everybody */
	o->out.ops->meta(o->out.ctx, &out);
}

static void on_process(void *ctx, const struct profile_process *p)
{
	struct only *o = ctx;

	o->out.ops->process(o->out.ctx, p);
}

static void on_thread(void *ctx, const struct profile_thread *t)
{
	struct only *o = ctx;

	*pair_map__slot(&o->threads, t->id, 0) = t->process;
	o->out.ops->thread(o->out.ctx, t);
}

static void on_function(void *ctx, const struct profile_function *f)
{
	struct only *o = ctx;

	o->out.ops->function(o->out.ctx, f);
}

static void on_frame(void *ctx, const struct profile_frame *f)
{
	struct only *o = ctx;

	o->out.ops->frame(o->out.ctx, f);
}

static void on_stack(void *ctx, const struct profile_stack *s)
{
	struct only *o = ctx;

	o->out.ops->stack(o->out.ctx, s);
}

static void on_sample(void *ctx, const struct profile_sample *s)
{
	struct only *o = ctx;

	if (pair_map__get(&o->chosen, pair_map__get(&o->threads, s->thread, 0), 0))
		o->out.ops->sample(o->out.ctx, s);
}

static void on_loss(void *ctx, const struct profile_loss *l)
{
	struct only *o = ctx;

	if (!l->process || pair_map__get(&o->chosen, l->process, 0))
		o->out.ops->loss(o->out.ctx, l);
}

static void on_value_type(void *ctx, const struct profile_value_type *t)
{
	struct only *o = ctx;

	o->out.ops->value_type(o->out.ctx, t);
}

static void on_task(void *ctx, const struct profile_task *t)
{
	struct only *o = ctx;

	o->out.ops->task(o->out.ctx, t);
}

static bool is_wanted(const struct only *o, const struct profile_label *l)
{
	size_t len = strlen(o->value);

	if (!strcmp(l->key, o->key))
		return !strcmp(l->value, o->value);
	return !strcmp(o->key, "container") && !strcmp(l->key, "container_id") && len >= ID_MIN &&
	       !strncmp(l->value, o->value, len);
}

static void on_label(void *ctx, const struct profile_label *l)
{
	struct only *o = ctx;

	if (is_wanted(o, l))
		*pair_map__slot(&o->chosen, l->process, 0) = 1;
	o->out.ops->label(o->out.ctx, l);
}

static void on_source(void *ctx, const struct profile_source *t)
{
	struct only *o = ctx;

	if (pair_map__get(&o->chosen, t->process, 0))
		o->out.ops->source(o->out.ctx, t);
}

static const struct profile_sink_ops ops = {
	.meta = on_meta,
	.process = on_process,
	.thread = on_thread,
	.function = on_function,
	.frame = on_frame,
	.stack = on_stack,
	.sample = on_sample,
	.loss = on_loss,
	.value_type = on_value_type,
	.task = on_task,
	.label = on_label,
	.source = on_source,
};

struct only *only__new(struct profile_sink out, const char *key, const char *value)
{
	struct only *o = xcalloc(1, sizeof(*o));

	o->out = out;
	o->key = xstrdup(key);
	o->value = xstrdup(value);
	return o;
}

struct profile_sink only__sink(struct only *o)
{
	return (struct profile_sink){&ops, o};
}

void only__free(struct only *o)
{
	if (!o)
		return;
	pair_map__free(&o->chosen);
	pair_map__free(&o->threads);
	free(o->key);
	free(o->value);
	free(o);
}
