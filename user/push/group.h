/* SPDX-License-Identifier: MIT */
/*
 * What goes to back ends: of each window one profile per set of labels. The labels say whose it is (`service_name`,
 * `namespace`, `pod`, `container`, `node`, `python` …) and never hold a command line.
 */
#pragma once
#include "user/profile/profile.h"

struct push_label {
	const char *name, *value; /* a name is [a-zA-Z_][a-zA-Z0-9_]*; neither is empty */
};

/* Processes of one set of labels. */
struct push_group {
	const struct push_label *labels; /* by name */
	size_t label_cnt;
	const char *service_name; /* of the labels */
};

struct push_window {
	const struct profile *p;
	uint64_t start_unix_ns, duration_ns;
	const struct push_group *groups;
	size_t group_cnt;
	const uint32_t *group_of; /* by process id: 1 + its group's index; 0: it is not sent. Entry 0 is 0 */
	bool thread_names;        /* samples have the label `thread_name`, digits at its end cut off */
};
