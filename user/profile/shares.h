/* SPDX-License-Identifier: MIT */
/* The sums of each thread or process. */
#pragma once
#include "user/profile/view.h"

struct share {
	uint32_t id; /* of the thread or process */
	uint64_t samples, value, gil_value, no_gil_value;
	uint64_t lost, failed; /* ticks, of processes only */
};

/* The same by container or unit: `id` is a group's (user/profile/process_groups.h). */
struct process_groups;
struct share *shares_of_groups(const struct view *v, const struct profile *p, const struct process_groups *g,
			       size_t *cnt);
/* The same by task: `id` is a label's (user/profile/task_labels.h), or 0 of what ran for none. */
struct task_labels;
struct share *shares_of_tasks(const struct view *v, const struct profile *p, struct task_labels *labels, size_t *cnt);
/* Those that have samples or failures, the largest value first; the caller frees. */
struct share *shares_of(const struct view *v, const struct profile *p, bool threads, size_t *cnt);
