/* SPDX-License-Identifier: MIT */
/* Width and colours of the terminal behind standard output and standard error. */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

/* The terminal's columns; 0 where there is none: a file or a pipe gets whole names. */
unsigned terminal_columns(void);
/* The same, unless COLUMNS says otherwise. */
unsigned terminal_width(void);
/* Those of standard error. */
unsigned terminal_message_columns(void);
/* A process writes to the terminal behind our standard error. */
bool terminal_is_of(pid_t pid);
bool terminal_has_colour(void);
