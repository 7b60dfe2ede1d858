/* SPDX-License-Identifier: MIT */
/* The options of `record`, checked as far as it can be without privileges. */
#pragma once
#include "user/cmd/outputs.h"
#include "user/cmd/rotation.h"
#include "user/cmd/target_options.h"
#include "user/profile/view.h"
#include <stdbool.h>
#include <stdint.h>

struct record_options {
	struct target_options target;
	bool quiet, hide_progress;
	uint64_t duration_ns; /* 0: until stopped */
	double max_loss;      /* percent; negative: not given */
	struct outputs outputs;
	struct rotation rotation;
	char *default_paths[2];
	struct view view;
};

extern const struct argp record_argp;

/* Parses and checks; ends the program with usage messages like every command. 0 or enum cmd_exit. */
int record_options__parse(struct record_options *o, int argc, char **argv);
void record_options__free(struct record_options *o);
