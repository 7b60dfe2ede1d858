/*
 * `completions`: a shell's completion of every command's options and their values, from the
 * parsers' own tables. What is only known at the time (processes, cgroups, formats) the shells ask
 * this program for: --list.
 */
#include "user/cmd/cmd.h"
#include "user/cmd/completion_values.h"
#include "user/format/format.h"
#include "user/os/cgroup.h"
#include "user/target/pythons.h"
#include "user/util/alloc.h"
#include "user/util/nearest.h"
#include "user/util/text.h"
#include <argp.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST_LIST 5000 /* of cgroups: a shell is waiting */

enum { KEY_LIST = 0x5000 };

static const struct shell *const shells[] = {&shell_bash, &shell_zsh, &shell_fish};

struct args {
	const struct shell *shell;
	void (*list)(void);
};

/* ---- lists: a value, a tabulator, what it is ------------------------------------------------ */

static void list_pids(void)
{
	struct pythons all;

	pythons__find(&all);
	for (size_t i = 0; i < all.cnt; i++)
		printf("%d\t%s\n", all.items[i].pid, all.items[i].command);
	pythons__free(&all);
}

static void print_cgroup(void *ctx, const char *path)
{
	__cleanup_free char *clean = text_clean(path, strlen(path), 0);
	unsigned *left = ctx;

	/* one whose name would have to be changed to be shown cannot be chosen by that */
	if (*left && !strcmp(clean, path)) {
		(*left)--;
		printf("%s\n", path);
	}
}

static void list_cgroups(void)
{
	unsigned left = LONGEST_LIST;

	cgroup_each(print_cgroup, &left);
}

static void list_formats(void)
{
	for (const struct format *const *f = formats; *f; f++)
		if ((*f)->write)
			printf("%s\t%s\n", (*f)->name, (*f)->help);
}

static const struct {
	const char *name;
	void (*print)(void);
} lists[] = {{"pids", list_pids}, {"cgroups", list_cgroups}, {"formats", list_formats}};

/* ---- the command ---------------------------------------------------------------------------- */

static const struct argp_option options[] = {
	{"list", KEY_LIST, "pids|cgroups|formats", OPTION_HIDDEN,
	 "What may be given; for the completions themselves", 0},
	{0},
};

static void choose_shell(struct args *a, const char *name, struct argp_state *state)
{
	const char *names[ARRAY_SIZE(shells) + 1] = {0};
	__cleanup_free char *hint = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(shells); i++) {
		names[i] = shells[i]->name;
		if (!strcmp(name, names[i]))
			a->shell = shells[i];
	}
	if (a->shell)
		return;
	hint = nearest_hint(name, names);
	argp_error(state, "%s: no such shell; %s", name, hint);
}

static void choose_list(struct args *a, const char *name, struct argp_state *state)
{
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (!strcmp(name, lists[i].name))
			a->list = lists[i].print;
	if (!a->list)
		argp_error(state, "--list %s: known are pids, cgroups and formats", name);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case KEY_LIST:
		choose_list(a, arg, state);
		return 0;
	case ARGP_KEY_ARG:
		if (a->shell)
			argp_error(state, "one shell at a time: %s or %s", a->shell->name, arg);
		choose_shell(a, arg, state);
		return 0;
	case ARGP_KEY_END:
		if (!a->shell && !a->list)
			argp_error(state, "for which shell? bash, zsh or fish");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "bash|zsh|fish",
	.doc = "Write a shell's completion of commands, options, process ids, cgroups and formats. "
	       "`make install` puts "
	       "them where the shells look.\vFor one session, or from the shell's start-up file:\n"
	       "  source <(pybpfprof completions bash)\n"
	       "  source <(pybpfprof completions zsh)\n"
	       "  pybpfprof completions fish | source",
};

static int run(int argc, char **argv)
{
	struct args a = {0};

	argp_parse(&argp, argc, argv, 0, NULL, &a);
	if (a.list)
		a.list();
	else
		a.shell->write(stdout);
	return fflush(stdout) || ferror(stdout) ? CMD_FAILED : CMD_OK;
}

const struct cmd cmd_completions = {
	.name = "completions",
	.args = "bash|zsh|fish",
	.summary = "completion of commands, options and values for a shell",
	.argp = &argp,
	.run = run,
};
