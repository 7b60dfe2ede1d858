/* SPDX-License-Identifier: MIT */
/* The recording or JSON that a command reads: `-i FILE`, or FILE alone. */
#pragma once
#include "user/cmd/outputs.h"
#include <argp.h>

/* An argp child; its input is a `const char **`, NULL at first, set when parsing ends well. */
extern const struct argp input_options;

/* Reads it and writes the outputs, which are checked first; says what was written if asked to. enum cmd_exit. */
int input__convert(const char *input, struct outputs *o, const struct view *v, bool says);
