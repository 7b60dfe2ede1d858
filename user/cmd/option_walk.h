/* SPDX-License-Identifier: MIT */
/* The options of a command, in the order of its help. */
#pragma once
#include <argp.h>
#include <stdbool.h>

/* `real`: the option itself, where `o` is another name for one. True ends the walk. */
typedef bool (*option_fn)(void *ctx, const struct argp_option *o, const struct argp_option *real);

/* Hidden ones, too, but no headings. True: `fn` ended it. */
bool option_walk(const struct argp *argp, option_fn fn, void *ctx);
