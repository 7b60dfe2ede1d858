/* SPDX-License-Identifier: MIT */
/* Where the user's own code begins on stacks: behind twenty frames of a server, in some programs. */
#pragma once
#include "user/profile/view.h"

/* By stack: is a frame of it the user's? The caller frees. */
bool *user_start__stacks(const struct profile *p);
/*
 * Whether the user's code begins so far from where threads begin that a picture had better begin with it: on the
 * average of the stacks that have some behind 6 frames of libraries, and at least a twentieth of the values have some.
 */
bool user_start__is_far(const struct view *v, const struct profile *p);
