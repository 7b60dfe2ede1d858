/* SPDX-License-Identifier: MIT */
/* An option whose value is one of a few words. */
#pragma once
#include <argp.h>
#include <stddef.h>

/* The index of `arg` among the NULL-terminated words; a usage error that names the nearest when it is none of them. */
size_t choice_parse(struct argp_state *state, const char *option, const char *arg, const char *const *words);
