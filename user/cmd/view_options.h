/* SPDX-License-Identifier: MIT */
/* The options that say how a profile is looked at, shared by every command that writes one. */
#pragma once
#include "user/profile/view.h"
#include <argp.h>

/*
 * An argp child; its input is a `struct view *` that starts zeroed:
 *     ARGP_KEY_INIT: state->child_inputs[N] = &args->view;
 */
extern const struct argp view_options;

/* Looks up the type that --type names in what is going to be shown. 0, or -ENOENT (said). */
int view_options_settle(struct view *v, const struct profile *p);
