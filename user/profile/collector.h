/* SPDX-License-Identifier: MIT */
/* Time in the garbage collector: a frame of its own above the one that it interrupted. */
#pragma once
#include "user/profile/view.h"

#define COLLECTOR_FRAME "[garbage collector]"

/* Its part of a view's values. */
uint64_t collector_value(const struct view *v, const struct profile *p);
