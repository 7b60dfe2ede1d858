/* SPDX-License-Identifier: MIT */
/* Numbers are given by first sight, so they depend on what was measured and not on ids of the
 * input. */
#include "user/profile/function_ids.h"
#include "user/util/alloc.h"
#include "user/util/intern.h"
#include <string.h>

/* The same text for what is the same function. Control characters never reach a profile. */
static char *key_of(const struct profile_function *f)
{
	return xasprintf("%s\n%s\n%s\n%d\n%d\n%d", f->file, f->module, f->name, f->first_line, f->origin, f->kind);
}

static void add_function(struct function_ids *s, const struct profile *p, struct intern *keys, uint32_t function)
{
	__cleanup_free char *key = NULL;
	uint32_t function_id;

	if (s->of_function[function])
		return;
	key = key_of(&p->functions[function]);
	function_id = intern__id(keys, key, strlen(key));
	s->of_function[function] = function_id;
	if (function_id > s->cnt) {
		s->cnt = function_id;
		s->function[function_id] = function;
	}
}

/* Frames of a stack from the leaf on; what is below a stack that was seen was seen with it. */
static void add_stack(struct function_ids *s, const struct profile *p, struct intern *keys, uint32_t stack,
		      unsigned char *seen)
{
	for (; stack && !seen[stack]; stack = p->stacks[stack].parent) {
		seen[stack] = 1;
		add_function(s, p, keys, p->frames[p->stacks[stack].frame].function);
	}
}

struct function_ids *function_ids__new(const struct view *v, const struct profile *p)
{
	struct function_ids *s = xcalloc(1, sizeof(*s));
	__cleanup_free unsigned char *seen = xcalloc((size_t)p->stack_cnt + 1, 1);
	struct intern *keys = intern__new();

	s->of_function = xcalloc((size_t)p->function_cnt + 1, sizeof(*s->of_function));
	s->function = xcalloc((size_t)p->function_cnt + 1, sizeof(*s->function));
	for (size_t i = 0; i < p->bucket_cnt; i++)
		if (view__samples(v, &p->buckets[i]))
			add_stack(s, p, keys, p->buckets[i].stack, seen);
	intern__free(keys);
	return s;
}

void function_ids__free(struct function_ids *s)
{
	if (!s)
		return;
	free(s->of_function);
	free(s->function);
	free(s);
}
