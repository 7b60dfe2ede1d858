/* SPDX-License-Identifier: MIT */
/* How much is said: -q and -v, of every command. */
#pragma once
#include <argp.h>

/* An argp child; its input is a `bool *` that -q sets, or NULL. */
extern const struct argp messages_options;
