/* SPDX-License-Identifier: MIT */
/* Command lines: the options of every command, its help, and what is said of one that is wrong. */
#pragma once
#include <argp.h>
#include <stdio.h>

struct cmd;

/* --help, --usage and --version. */
extern const struct argp usage_everywhere;

/*
 * argp_parse() with those options. A command line that is wrong ends the program as a usage error, with one line that
 * says what to type.
 */
void usage_parse(const struct argp *argp, int argc, char **argv, unsigned flags, void *input);
/* What --help prints but for the line of usage: the command in a sentence, its examples, its options. */
void usage_put_help(const struct cmd *c, FILE *out);
