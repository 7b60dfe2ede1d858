/* What can be said of options and their values to a shell; shared by the writers of completions. */
#pragma once
#include "user/cmd/option_list.h"
#include <stdio.h>

struct cmd;

/* A shell: how its completion is written. */
struct shell {
	const char *name;
	void (*write)(FILE *out);
};
extern const struct shell shell_bash, shell_zsh, shell_fish;

/*
 * What a value is, by its name in the help: "pids", "cgroups", "formats", "files", "targets",
 * "words a b" (one of these), or "none": nothing can be suggested. Caller frees.
 */
char *completion_kind(const char *arg);
/* The same for the words that are no options, by the usage text; NULL when there are none. */
char *completion_argument_kind(const struct argp *argp);

/* The options that people are to know, and those that every command has. */
void completion_options(const struct cmd *c, struct option_list *l);
/* Calls `write` for each command that is to be known. */
void completion_each(FILE *out, void (*write)(FILE *out, const struct cmd *c));
/* What goes between single quotes; characters of `extra` get a backslash, a quote becomes `quote`.
 * Caller frees. */
char *completion_quoted(const char *text, const char *extra, const char *quote);
