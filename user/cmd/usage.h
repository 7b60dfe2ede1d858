/* Command lines that are wrong. */
#pragma once
#include <argp.h>

/*
 * argp_parse(), but for what it says after an error: one line with what to type instead of two with what to try. Ends the
 * program as a usage error.
 */
void usage_parse(const struct argp *argp, int argc, char **argv, unsigned flags, void *input);
