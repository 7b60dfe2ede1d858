/* SPDX-License-Identifier: MIT */
#include "user/profile/only.h"
#include "user/profile/tee.h"
#include "user/util/alloc.h"
#include "user/util/pair_map.h"
#include <stddef.h>
#include <string.h>

#define ID_MIN 4 /* characters of an id's beginning */

struct only {
	struct tee all; /* comes first: what is passed on as it is a tee of one sink passes on */
	struct profile_sink_ops ops;
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

static void on_thread(void *ctx, const struct profile_thread *t)
{
	struct only *o = ctx;

	*pair_map__slot(&o->threads, t->id, 0) = t->process;
	o->out.ops->thread(o->out.ctx, t);
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

_Static_assert(!offsetof(struct only, all), "a tee's functions get it as theirs");

struct only *only__new(struct profile_sink out, const char *key, const char *value)
{
	struct only *o = xcalloc(1, sizeof(*o));

	o->out = out;
	tee__add(&o->all, out);
	o->ops = *tee__sink(&o->all).ops;
	o->ops.meta = on_meta;
	o->ops.thread = on_thread;
	o->ops.sample = on_sample;
	o->ops.loss = on_loss;
	o->ops.label = on_label;
	o->ops.source = on_source;
	o->key = xstrdup(key);
	o->value = xstrdup(value);
	return o;
}

struct profile_sink only__sink(struct only *o)
{
	return (struct profile_sink){&o->ops, o};
}

void only__free(struct only *o)
{
	if (!o)
		return;
	tee__free(&o->all);
	pair_map__free(&o->chosen);
	pair_map__free(&o->threads);
	free(o->key);
	free(o->value);
	free(o);
}
