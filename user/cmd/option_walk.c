/* SPDX-License-Identifier: MIT */
#include "user/cmd/option_walk.h"

bool option_walk(const struct argp *argp, option_fn fn, void *ctx)
{
	const struct argp_option *real = NULL;

	for (const struct argp_option *o = argp->options; o && (o->name || o->key || o->doc || o->group); o++) {
		if (!(o->flags & OPTION_ALIAS))
			real = o;
		if ((o->name || o->key) && fn(ctx, o, real))
			return true;
	}
	for (const struct argp_child *c = argp->children; c && c->argp; c++)
		if (option_walk(c->argp, fn, ctx))
			return true;
	return false;
}
