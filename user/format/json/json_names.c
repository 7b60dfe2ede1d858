/* SPDX-License-Identifier: MIT */
#include "user/format/json/json_names.h"
#include "user/profile/view.h"
#include "user/util/alloc.h"
#include <string.h>

static void name_function(struct json_names *n, uint32_t function, const char *text, uint32_t *last_of)
{
	uint32_t name = intern__id(n->ids, text, strlen(text));

	n->name_of[function] = name;
	if (!last_of)
		return;
	if (!n->first_of[name]) {
		n->first_of[name] = function;
	} else {
		n->next_same[last_of[name]] = function;
		n->variant_of[function] = n->variant_of[last_of[name]] + 1;
	}
	last_of[name] = function;
}

void json_names__init(struct json_names *n, const struct profile *p, const struct totals *by_function)
{
	size_t cnt = (size_t)p->function_cnt + 1;
	__cleanup_free uint32_t *last_of = xcalloc(cnt, sizeof(*last_of));

	n->ids = intern__new();
	n->name_of = xcalloc(cnt, sizeof(*n->name_of));
	n->variant_of = xcalloc(cnt, sizeof(*n->variant_of));
	n->next_same = xcalloc(cnt, sizeof(*n->next_same));
	n->first_of = xcalloc(cnt, sizeof(*n->first_of));
	for (uint32_t f = 1; f < cnt; f++) {
		__cleanup_free char *text = view__function_text(p, f);

		name_function(n, f, text, by_function->rows[f].samples ? last_of : NULL);
	}
}

void json_names__free(struct json_names *n)
{
	intern__free(n->ids);
	free(n->name_of);
	free(n->variant_of);
	free(n->next_same);
	free(n->first_of);
}
