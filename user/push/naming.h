/* SPDX-License-Identifier: MIT */
/*
 * Who a process is, for back ends: its labels, from what the profile says of it, by rules. Pure: the profile has what was read
 * at first sight of a process (user/target/identity.h), as profile labels. docs/labels.md says what each is made of.
 */
#pragma once
#include "user/push/group.h"

struct naming; /* rules, and the series of this node that are known */

struct naming_stats {
	uint64_t series; /* different sets of labels of the last hour, that count towards the cap */
	uint64_t
		folded_samples; /* samples of sets beyond it: their labels are folded into one set with service_name "other" */
	uint64_t dropped_processes; /* by --keep and --drop: in the last window … */
	uint64_t dropped_samples;   /* … and so far */
};

/* `node`: value of the label of that name. `series_max` 0: no cap. */
struct naming *naming__new(const char *node, uint32_t series_max);
void naming__free(struct naming *n);
/* Rules in the order given; 0 or -EINVAL with `*why`, a sentence, valid until the next call. */
int naming__add_label(struct naming *n, const char *rule,
		      const char **why); /* NAME=VALUE, NAME=VALUE:if=…; NAME= removes */
int naming__add_keep(struct naming *n, const char *rule, const char **why); /* LABEL=GLOB: only such */
int naming__add_drop(struct naming *n, const char *rule, const char **why);
/* Labels that are off unless asked for: "container_id", "pid", "thread_name" (see group.h), "unit", "runtime" … */
int naming__enable(struct naming *n, const char *label, const char **why);
/* After the last rule: do --keep and --drop look at labels that there are? 0 or -EINVAL with `*why`. */
int naming__check(struct naming *n, const char **why);

/*
 * Groups the processes of a window that have samples; `w->p`, start and duration are given. The rest lives until
 * naming_clear().
 */
void naming__group(struct naming *n, struct push_window *w);
void naming_clear(struct push_window *w);
/* What one process would be called, whatever the cap; false: it is not sent. To be cleared either way. */
bool naming__of_process(const struct naming *n, const struct profile *p, uint32_t process, struct push_group *out);
void naming_clear_group(struct push_group *g);
void naming__stats(const struct naming *n, struct naming_stats *out);
