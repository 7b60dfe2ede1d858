/* The recording or JSON that a command reads: `-i FILE`, or FILE alone. */
#pragma once
#include <argp.h>

/* An argp child; its input is a `const char **`, NULL at first, set when parsing ends well. */
extern const struct argp input_options;
