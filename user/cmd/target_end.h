/* SPDX-License-Identifier: MIT */
/* Finds out when the target has ended. */
#pragma once
#include "user/cmd/target_options.h"

struct target_end {
	uint64_t next_look_ns;
	uint64_t gone_ns; /* since then no cgroup is there; 0: one is */
};

/*
 * True when the last target is gone, or its cgroup for good, which is then said. Looks every half second at most.
 * The end of a command is not seen here but by command__fd.
 */
bool target_end__look(struct target_end *e, const struct target_options *o, const struct session *s);
/* The command has ended: says so when some of the tree it started go on. */
void target_end__command(const struct target_options *o, struct session *s);
