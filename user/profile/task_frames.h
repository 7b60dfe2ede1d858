/* SPDX-License-Identifier: MIT */
/* --tasks: a frame for the task that ran, and below it (towards the root) one for each that awaited the next. */
#pragma once
#include "user/profile/restack.h"

/*
 * `p` with these in the place of all frames up to those that the event loop called; what ran for no task in a process that has
 * some gets one that says so. NULL: there are no tasks. As user/profile/restack.h has it.
 */
struct profile *profile__task_frames(const struct profile *p);
/* Is that what this function is? */
bool task_frame__is(const struct profile_function *f);
