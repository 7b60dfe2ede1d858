/* SPDX-License-Identifier: MIT */
/*
 * The names of functions in our JSON. Functions are grouped by "module.qualname", which stacks use
 * and which `functions` is keyed by; those that share one are its variants, counted from 0.
 */
#pragma once
#include "user/profile/profile.h"
#include "user/profile/totals.h"
#include "user/util/intern.h"

struct json_names {
	struct intern *ids;   /* names → ids from 1 */
	uint32_t *name_of;    /* by function */
	uint32_t *variant_of; /* by function: which one of its name */
	uint32_t *next_same;  /* by function: the next one of its name, 0 none */
	uint32_t *first_of;   /* by name: its first function, 0: none with samples */
};

/* Functions that `by_function` has no samples of get a name, but are nobody's variant. */
void json_names__init(struct json_names *n, const struct profile *p, const struct totals *by_function);
void json_names__free(struct json_names *n);
