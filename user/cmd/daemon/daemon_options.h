/* SPDX-License-Identifier: MIT */
/* The options of `daemon`. */
#pragma once
#include "user/cmd/outputs.h"
#include "user/cmd/push_options.h"
#include "user/cmd/rotation.h"
#include "user/cmd/settings.h"
#include "user/cmd/target_options.h"
#include "user/profile/view.h"

#define DAEMON_CONFIG "/etc/pybpfprof.conf"

struct daemon_options {
	struct settings settings; /* texts below are its */
	struct target_options target;
	struct outputs outputs;
	struct push_options_list push;
	struct view view;
	uint64_t window_ns;
	struct rotation rotation;
	const char *listen; /* NULL: nowhere */
	bool quiet;
};

extern const struct argp daemon_argp;

/* A command line that is wrong ends the program. 0 or enum cmd_exit, which was said. */
int daemon_options__parse(struct daemon_options *o, int argc, char **argv);
void daemon_options__free(struct daemon_options *o);
/* Do both sample the same in the same way? */
bool daemon_options__sample_alike(const struct daemon_options *a, const struct daemon_options *b);
