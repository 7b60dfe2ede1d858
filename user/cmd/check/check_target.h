/* SPDX-License-Identifier: MIT */
/* The second half of `check`: the Pythons of a target, and for each why it can or cannot be walked. */
#pragma once
#include "user/cmd/check/check_list.h"
#include "user/cmd/target_options.h"
#include "user/push/naming.h"

struct check_targets;

/* Looks at everything the options choose; adds to the list what is wrong with the whole, and what back ends call each by `rules`. */
struct check_targets *check_targets__find(struct check_list *l, const struct target_options *o,
					  const struct naming *rules);
void check_targets__put(const struct check_targets *t, struct json_put *j);
void check_targets__free(struct check_targets *t);
