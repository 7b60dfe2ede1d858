/* Width and colours of the terminal behind standard output and standard error. */
#pragma once
#include <stdbool.h>

/* The terminal's columns; 0 where there is none: a file or a pipe gets whole names. */
unsigned terminal_columns(void);
/* The same, unless COLUMNS says otherwise. */
unsigned terminal_width(void);
/* Those of standard error. */
unsigned terminal_message_columns(void);
bool terminal_has_colour(void);
