/* The first half of `check`: this kernel, our rights, and whether the real program loads, attaches
 * and ticks. */
#pragma once
#include "user/cmd/check/check_list.h"
#include "user/session/session.h"

/* `o`: how it would be sampled. */
void check_system(struct check_list *l, const struct session_options *o);
