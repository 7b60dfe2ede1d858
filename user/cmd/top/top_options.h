/* SPDX-License-Identifier: MIT */
/* The options of `top`. */
#pragma once
#include "user/cmd/target_options.h"
#include "user/cmd/top/top_text.h"

struct top_options {
	struct target_options target;
	const char *input; /* NULL: live */
	struct top_lens lens;
	struct top_order order;
	const char *filter;
	struct view view; /* gil_only, full_filenames and the type count here */
	bool once, json, plain, no_mouse;
	uint64_t interval_ns, span_ns, duration_ns; /* duration 0: until stopped */
	uint64_t rows;                              /* of a plain table or a JSON object; 0: not given */
	char *command_line;
};

extern const struct argp top_argp;

/* Parses and checks; ends the program with usage messages like every command. */
void top_options__parse(struct top_options *o, int argc, char **argv);
void top_options__free(struct top_options *o);
