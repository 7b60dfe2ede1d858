/* SPDX-License-Identifier: MIT */
/* Options of py-spy that mean nothing here: accepted or answered, never just unknown. */
#pragma once
#include <argp.h>

/* An argp child without input, hidden from help, manual page and completions. The parent's own options come first. */
extern const struct argp pyspy_compat;
