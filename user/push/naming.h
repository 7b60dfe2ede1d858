/* SPDX-License-Identifier: MIT */
/*
 * Who a process is, for back ends: its labels, from what the profile says of it, by rules. Pure: the profile has what was read
 * at first sight of a process (user/target/identity.h), as profile labels.
 */
#pragma once
#include "user/push/group.h"

struct naming; /* rules, and the series of this node that are known */

struct naming_stats {
	uint64_t series; /* different sets of labels so far, that count towards the cap */
	uint64_t
		folded_samples; /* samples of sets beyond it: their labels are folded into one set with service_name "other" */
	uint64_t dropped_processes, dropped_samples; /* by --keep and --drop */
};

/* `node`: value of the label of that name. `series_max` 0: no cap. */
struct naming *naming__new(const char *node, uint32_t series_max);
void naming__free(struct naming *n);
/* Rules in the order given; 0 or -EINVAL with `*why`, a sentence. */
int naming__add_label(struct naming *n, const char *rule,
		      const char **why); /* NAME=VALUE, NAME=VALUE:if=…; NAME= removes */
int naming__add_keep(struct naming *n, const char *rule, const char **why); /* LABEL=GLOB: only such */
int naming__add_drop(struct naming *n, const char *rule, const char **why);
/* Labels that are off unless asked for: "container_id", "pid", "thread_name" (see group.h), "unit", "runtime". */
int naming__enable(struct naming *n, const char *label, const char **why);

/* Groups the processes of a window; `w->p`, start and duration are given. The rest lives until naming_clear(). */
void naming__group(struct naming *n, struct push_window *w);
void naming_clear(struct push_window *w);
void naming__stats(const struct naming *n, struct naming_stats *out);
