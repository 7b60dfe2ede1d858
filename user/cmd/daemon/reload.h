/* SPDX-License-Identifier: MIT */
/* Is a configuration sound? */
#pragma once
#include <stdbool.h>

/* Tries in a child what daemon_options__parse() and what follows would do, which may end a program. False: what is wrong was said. */
bool reload_is_sound(int argc, char **argv);
