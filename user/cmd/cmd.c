/* SPDX-License-Identifier: MIT */
/* The table of subcommands, and how one is found from what the user typed. */
#include "user/cmd/cmd.h"
#include "user/cmd/in_path.h"
#include "user/cmd/target_options.h"
#include "user/cmd/terminal.h"
#include "user/os/invoker.h"
#include "user/os/privileges.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include "user/util/nearest.h"
#include <argp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

extern const struct cmd cmd_record, cmd_daemon, cmd_top, cmd_dump, cmd_report, cmd_flamegraph, cmd_convert, cmd_diff;
extern const struct cmd cmd_push, cmd_check, cmd_health, cmd_completions, cmd_man;

/* `record` comes first: it is the default, and what the `r` of py-spy means; `dump` before `daemon` for its `d`. */
const struct cmd *const cmds[] = {
	&cmd_record, &cmd_top,  &cmd_dump,  &cmd_daemon, &cmd_report,      &cmd_flamegraph, &cmd_convert,
	&cmd_diff,   &cmd_push, &cmd_check, &cmd_health, &cmd_completions, &cmd_man,        NULL,
};

#define PROGRAM "pybpfprof"

static void print_help(FILE *out)
{
	fprintf(out, "A sampling profiler for CPython that does not stop the program it watches.\n\n"
		     "  # a process that runs, for ten seconds\n"
		     "  sudo " PROGRAM " --pid 4242 -d 10s -o out.svg\n"
		     "  # a program from its start to its end\n"
		     "  sudo " PROGRAM " -o out.svg -- python3 app.py\n\n"
		     "Usage: " PROGRAM " [COMMAND] [OPTION...]\n\n"
		     "Commands (record when none is given):\n");
	for (const struct cmd *const *c = cmds; *c; c++)
		if (!(*c)->hidden)
			fprintf(out, "  %-12s %s\n", (*c)->name, (*c)->summary);
	fprintf(out, "\n`" PROGRAM " COMMAND --help` describes a command, with examples.\n");
}

static bool ends_in(const char *word, const char *end)
{
	size_t len = strlen(word), end_len = strlen(end);

	return len > end_len && !strcmp(word + len - end_len, end);
}

/* What is to be typed for a file, by its name. */
static bool explain_file(const char *word)
{
	if (ends_in(word, ".py"))
		log_error("%s is a script: `" PROGRAM " record -- python3 %s` profiles it", word, word);
	else if (ends_in(word, ".pybpf") || ends_in(word, ".json"))
		log_error("%s is a file: `" PROGRAM " report %s` shows it", word, word);
	else
		return false;
	return true;
}

static bool explain_program(const char *word)
{
	__cleanup_free char *file = in_path_find(word);

	if (!file)
		return false;
	log_error("%s is a program: `" PROGRAM " record -- %s …` profiles it", word, word);
	return true;
}

static void complain(const char *word)
{
	const char *names[ARRAY_SIZE(cmds)] = {0};
	__cleanup_free char *hint = NULL;
	size_t cnt = 0;

	for (const struct cmd *const *c = cmds; *c; c++)
		if (!(*c)->hidden)
			names[cnt++] = (*c)->name;
	if (explain_file(word) || explain_program(word))
		return;
	hint = nearest_hint(word, names);
	log_error("%s: no such command; %s", word, hint);
}

/* The one command that begins with `word`; a single letter means the first, as py-spy has them. */
static const struct cmd *find(const char *word)
{
	const struct cmd *found = NULL;
	size_t len = strlen(word);

	for (const struct cmd *const *c = cmds; *c; c++) {
		if (!strcmp((*c)->name, word))
			return *c;
		if (!len || (*c)->hidden || strncmp((*c)->name, word, len))
			continue;
		if (found && len > 1) {
			log_error("%s: two commands begin so: %s and %s", word, found->name, (*c)->name);
			return NULL;
		}
		found = found ? found : *c;
	}
	if (!found)
		complain(word);
	return found;
}

/* argv[0] becomes "pybpfprof NAME", so that messages of the option parser say which command it is. */
static int run(const struct cmd *c, int argc, char **argv)
{
	__cleanup_free char *name = xasprintf("%s %s", PROGRAM, c->name);

	argv[0] = name;
	if (c->as_invoker) {
		invoker_begin(); /* for good */
		privileges_keep(PRIVILEGES_FILES | PRIVILEGES_SOURCES);
	}
	return c->run(argc, argv);
}

static bool is_one_of(const char *arg, const char *a, const char *b, const char *c)
{
	return !strcmp(arg, a) || !strcmp(arg, b) || !strcmp(arg, c);
}

int cmd_main(int argc, char **argv)
{
	const struct cmd *c;

	log_set_width(terminal_message_columns());
	argp_err_exit_status = CMD_USAGE;
	argp_program_version = PROGRAM " " PYBPFPROF_VERSION;
	if (argc < 2) {
		print_help(stderr);
		return CMD_USAGE;
	}
	if (is_one_of(argv[1], "--help", "-h", "help") && argc == 2) {
		print_help(stdout);
		return CMD_OK;
	}
	if (is_one_of(argv[1], "--version", "-V", "version")) {
		printf("%s\n", argp_program_version);
		return CMD_OK;
	}
	if (*argv[1] == '-' || target_is_pids(argv[1]))
		return run(cmds[0], argc, argv);
	c = find(strcmp(argv[1], "help") ? argv[1] : argv[2]);
	if (!c)
		return CMD_USAGE;
	if (!strcmp(argv[1], "help")) {
		static char option[] = "--help";

		argv[2] = option;
	}
	return run(c, argc - 1, argv + 1);
}
