/* SPDX-License-Identifier: MIT */
/* Subcommands are rows of a table, one file each, ending in one `const struct cmd`. */
#pragma once
#include <stdbool.h>

/* Exit statuses, the same for every command but `diff`, which has those of diff(1). */
enum cmd_exit {
	CMD_OK = 0,
	CMD_FAILED = 1,
	CMD_USAGE = 2,
	CMD_NOT_PERMITTED = 3, /* the message names the capability */
	CMD_NO_FEATURE = 4,    /* the kernel lacks something; the message names it */
	CMD_NO_TARGET = 5,     /* no such target, or no Python in it */
	CMD_NOTHING = 6,       /* recorded, but no stack could be walked */
	CMD_LOSSY = 7,         /* lossier than --max-loss */
};

struct argp;

#define CMD_EXAMPLES 4

struct cmd {
	const char *name;
	const char *args;    /* behind the options: "--pid PID | -- COMMAND" */
	const char *summary; /* one line */
	struct cmd_example {
		const char *line, *says;
	} examples[CMD_EXAMPLES]; /* first the two that most people want */
	const struct argp *argp;  /* the parser's own tables: help, man page and completions come from them */
	bool as_invoker;          /* reads and writes files only: under sudo, with the rights of who typed it */
	bool hidden;              /* not listed, not completed, no abbreviations */
	/* argv[0] is the program's name with the command's; returns enum cmd_exit or a child's status. */
	int (*run)(int argc, char **argv);
};

extern const struct cmd *const cmds[]; /* NULL-terminated */

/* Finds the command (its name or an unambiguous beginning; none at all means `record`) and runs it. */
int cmd_main(int argc, char **argv);
