/* SPDX-License-Identifier: MIT */
/* `completions`: a shell's completion functions. They ask this program for the candidates: --words. */
#include "user/cmd/cmd.h"
#include "user/cmd/choice.h"
#include "user/cmd/complete.h"
#include "user/cmd/usage.h"
#include "user/util/alloc.h"
#include <argp.h>
#include <stdio.h>
#include <string.h>

static const char bash[] = {
#include <user/cmd/completions.bash.inc>
	0};
static const char zsh[] = {
#include <user/cmd/completions.zsh.inc>
	0};
static const char fish[] = {
#include <user/cmd/completions.fish.inc>
	0};

static const char *const names[] = {"bash", "zsh", "fish", NULL};
static const char *const functions[] = {bash, zsh, fish};

enum { KEY_LIST = 0x5000, KEY_WORDS };

struct args {
	const char *functions; /* of the shell that was named */
	bool answered;
};

static const struct argp_option options[] = {
	{"list", KEY_LIST, "pids|cgroups|containers|formats", OPTION_HIDDEN, "What may be given; for scripts", 0},
	{"words", KEY_WORDS, NULL, OPTION_HIDDEN, "All that follows: the words up to the cursor", 0},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case KEY_LIST:
		a->answered = complete_list(arg);
		if (!a->answered)
			argp_error(state, "--list %s: known are pids, cgroups, containers and formats", arg);
		return 0;
	case KEY_WORDS:
		complete_words(state->argv + state->next, state->argc - state->next);
		state->next = state->argc;
		a->answered = true;
		return 0;
	case ARGP_KEY_ARG:
		if (a->functions)
			argp_error(state, "one shell at a time");
		a->functions = functions[choice_parse(state, "shell", arg, names)];
		return 0;
	case ARGP_KEY_END:
		if (!a->functions && !a->answered)
			argp_error(state, "no shell: give bash, zsh or fish");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "Write a shell's completion of commands, options, process ids, cgroups, containers and formats. `make "
	       "install` puts them where the shells look.",
};

static int run(int argc, char **argv)
{
	struct args a = {0};

	usage_parse(&argp, argc, argv, 0, &a);
	if (a.functions)
		fputs(a.functions, stdout);
	return fflush(stdout) || ferror(stdout) ? CMD_FAILED : CMD_OK;
}

const struct cmd cmd_completions = {
	.name = "completions",
	.args = "bash|zsh|fish",
	.summary = "completion of commands, options and values for a shell",
	.examples = {{"source <(pybpfprof completions bash)", "for this session, or in ~/.bashrc for each"},
		     {"source <(pybpfprof completions zsh)", "the same in ~/.zshrc"},
		     {"pybpfprof completions fish | source", "the same in ~/.config/fish/config.fish"}},
	.argp = &argp,
	.run = run,
};
