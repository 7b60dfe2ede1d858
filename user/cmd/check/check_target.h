/* The second half of `check`: which Pythons a target runs, and for each why it can or cannot be
 * walked. */
#pragma once
#include "user/cmd/check/check_list.h"
#include "user/cmd/target_options.h"

struct check_targets;

/* Looks at everything the options choose; adds to the list what is wrong with the whole. */
struct check_targets *check_targets__find(struct check_list *l, const struct target_options *o);
/* A program that does not run yet: a command, a script or an interpreter, by its name or path. */
void check_targets__program(struct check_targets *t, struct check_list *l, const char *name);
void check_targets__put(const struct check_targets *t, struct json_put *j);
void check_targets__free(struct check_targets *t);
