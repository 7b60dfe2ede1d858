/* SPDX-License-Identifier: MIT */
#include "user/cmd/choice.h"
#include "user/util/alloc.h"
#include "user/util/nearest.h"
#include <string.h>

size_t choice_parse(struct argp_state *state, const char *option, const char *arg, const char *const *words)
{
	__cleanup_free char *hint = NULL;

	for (size_t i = 0; words[i]; i++)
		if (!strcmp(words[i], arg))
			return i;
	hint = nearest_hint(arg, words);
	argp_error(state, "%s %s: %s", option, arg, hint);
	return 0;
}
