/* Options of py-spy that mean nothing here: accepted or answered, never just unknown. */
#pragma once
#include <argp.h>

/* Argp children without input; hidden from help, manual page and completions. */
extern const struct argp record_habits, top_habits, dump_habits;
