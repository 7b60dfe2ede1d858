/* SPDX-License-Identifier: MIT */
#include "user/profile/gil_waits.h"
#include "user/util/alloc.h"
#include "user/util/pair_map.h"
#include <string.h>

static const struct profile_function *function_of(const struct profile *p, uint32_t stack)
{
	return &p->functions[p->frames[p->stacks[stack].frame].function];
}

/* The function above the one that says that it waits; 0: it does not. */
static uint32_t holder_of(const struct profile *p, const struct profile_bucket *b)
{
	uint32_t below = b->stack ? p->stacks[b->stack].parent : 0;
	const struct profile_function *f = below ? function_of(p, below) : NULL;

	return f && f->kind == PROFILE_SYNTHETIC && !strcmp(f->name, GIL_WAIT_NAME) ? function_of(p, b->stack)->id : 0;
}

static int by_value(const void *a, const void *b)
{
	const struct gil_wait *x = a, *y = b;

	if (x->value != y->value)
		return x->value < y->value ? 1 : -1;
	return x->thread != y->thread ? (x->thread < y->thread ? -1 : 1) : (x->holder < y->holder ? -1 : 1);
}

struct gil_wait *gil_waits_of(const struct profile *p, size_t *cnt, struct gil_wait *all)
{
	const struct profile_value_type *type = profile__type(p, GIL_TYPE_NAME);
	struct gil_wait *out = xcalloc(p->bucket_cnt + 1, sizeof(*out));
	struct pair_map index = {0}; /* (thread, holder) → index + 1 */

	*cnt = 0;
	*all = (struct gil_wait){0};
	for (size_t i = 0; type && i < p->bucket_cnt; i++) {
		const struct profile_bucket *b = &p->buckets[i];
		uint32_t holder = b->type == type->id ? holder_of(p, b) : 0, *at;

		if (!holder)
			continue;
		at = pair_map__slot(&index, b->thread, holder);
		if (!*at)
			*at = (uint32_t)++*cnt;
		out[*at - 1].thread = b->thread;
		out[*at - 1].holder = holder;
		out[*at - 1].samples += b->samples;
		out[*at - 1].value += b->value;
		all->samples += b->samples;
		all->value += b->value;
	}
	pair_map__free(&index);
	qsort(out, *cnt, sizeof(*out), by_value);
	return out;
}

char *gil_wait_holder(const struct profile *p, const struct gil_wait *w)
{
	const char *name = p->functions[w->holder].name;
	size_t before = strlen(GIL_HELD_BY), len = strlen(name);

	if (strncmp(name, GIL_HELD_BY, before) || name[len - 1] != ']')
		return xstrdup(name);
	return xasprintf("%.*s", (int)(len - before - 1), name + before);
}
