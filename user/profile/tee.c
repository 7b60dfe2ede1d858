/* SPDX-License-Identifier: MIT */
#include "user/profile/tee.h"
#include "user/util/alloc.h"

#define PASS_ON(what)                                                                                                  \
	static void on_##what(void *ctx, const struct profile_##what *item)                                            \
	{                                                                                                              \
		struct tee *t = ctx;                                                                                   \
                                                                                                                       \
		for (size_t i = 0; i < t->cnt; i++)                                                                    \
			t->sinks[i].ops->what(t->sinks[i].ctx, item);                                                  \
	}

PASS_ON(meta)
PASS_ON(process)
PASS_ON(thread)
PASS_ON(function)
PASS_ON(frame)
PASS_ON(stack)
PASS_ON(sample)
PASS_ON(loss)
PASS_ON(value_type)
PASS_ON(task)
PASS_ON(label)
PASS_ON(source)

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

void tee__add(struct tee *t, struct profile_sink sink)
{
	xgrow(t->sinks, t->cnt, t->cap);
	t->sinks[t->cnt++] = sink;
}

struct profile_sink tee__sink(struct tee *t)
{
	return (struct profile_sink){&ops, t};
}

void tee__free(struct tee *t)
{
	free(t->sinks);
	*t = (struct tee){0};
}
