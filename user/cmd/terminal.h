/* What standard output can show. */
#pragma once
#include <stdbool.h>

/* Its columns; 0 where there is no terminal: a file or a pipe gets whole names. */
unsigned terminal_width(void);
bool terminal_has_colour(void);
