/* SPDX-License-Identifier: MIT */
/*
 * The options of a command that runs for long come from three places, under the same names: a file, the environment, the
 * command line. What a later one of these has of an option replaces all that the ones before it had of that option.
 *
 *   file         lines `option = value`, or `option` alone for one without a value; the value is what is left of the line but for
 *                spaces around it, without quotes. Empty lines, and those that begin with #, say nothing. Of an option that may be
 *                repeated each line is one.
 *   environment  PYBPFPROF_OPTION, a - of the name as _; several values are separated by newlines or semicolons. An empty
 *                variable is none.
 *
 * In both an option without a value may be said to be `yes` or `no`.
 */
#pragma once
#include <argp.h>

struct settings {
	int argc;
	char **argv; /* as if all had been typed, for usage_parse(), which keeps pointers into it; NULL behind the last */
	char *file; /* that was read; NULL: none */
};

/*
 * `argp` is the command's, with the option --config FILE, of which there is nothing left to do; `default_file` is read where it exists and no other was named (NULL: there is none). 0, or negative
 * errno, which was said with the place where it is; then there is nothing to free.
 */
int settings_build(const struct argp *argp, int argc, char **argv, const char *default_file, struct settings *out);
void settings__free(struct settings *s);
