/* SPDX-License-Identifier: MIT */
#include "user/cmd/usage.h"
#include "user/cmd/cmd.h"
#include "user/cmd/option_walk.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/log.h"
#include "user/util/nearest.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define LINE_COLUMNS 79
#define MAX_OPTIONS  100 /* of a command */

enum { KEY_USAGE = 0x7f00 };

/* The command whose line is being read. */
static const struct cmd *command_of(const struct argp *argp)
{
	for (const struct cmd *const *c = cmds; *c; c++)
		if ((*c)->argp == argp)
			return *c;
	return cmds[0];
}

/* ---- help ------------------------------------------------------------------------------------------ */

/* "Usage: pybpfprof NAME [OPTION...] A | B", broken between alternatives. */
static void put_usage(const struct cmd *c, FILE *out)
{
	int column = fprintf(out, "Usage: pybpfprof %s [OPTION...]", c->name);

	for (const char *at = c->args; *at;) {
		const char *bar = strstr(at, " | ");
		int len = bar ? (int)(bar + 2 - at) : (int)strlen(at);

		if (column + 1 + len > LINE_COLUMNS)
			column = fprintf(out, "\n        %.*s", len, at) - 1;
		else
			column += fprintf(out, " %.*s", len, at);
		at += len + (bar != NULL);
	}
	fputs("\n\n", out);
}

static void put_argp(const struct argp *argp, FILE *out, unsigned flags)
{
	char name[] = "pybpfprof";

	argp_help(argp, out, flags, name);
}

static void put_examples(const struct cmd *c, FILE *out)
{
	fputc('\n', out);
	for (size_t i = 0; i < CMD_EXAMPLES && c->examples[i].line; i++)
		fprintf(out, "  # %s\n  %s\n", c->examples[i].says, c->examples[i].line);
	fputc('\n', out);
}

static void put_options(const struct cmd *c, FILE *out)
{
	const struct argp_child children[] = {{c->argp, 0, NULL, 0}, {&usage_everywhere, 0, NULL, 0}, {0}};

	/* what `child` says around its options is put apart */
	put_argp(&(struct argp){.children = children}, out, ARGP_HELP_LONG);
}

static void put_all(const struct cmd *c, FILE *out, bool usage)
{
	setenv("ARGP_HELP_FMT", "no-dup-args-note", 0);
	put_argp(c->argp, out, ARGP_HELP_PRE_DOC);
	put_examples(c, out);
	if (usage)
		put_usage(c, out);
	put_options(c, out);
	if (!strchr(c->argp->doc, '\v'))
		return;
	fputc('\n', out);
	put_argp(c->argp, out, ARGP_HELP_POST_DOC);
}

void usage_put_help(const struct cmd *c, FILE *out)
{
	put_all(c, out, false);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	(void)arg;
	switch (key) {
	case 'h':
	case '?':
		put_all(command_of(state->root_argp->children->argp), stdout, true);
		exit(CMD_OK);
	case KEY_USAGE:
		argp_state_help(state, stdout, ARGP_HELP_USAGE | ARGP_HELP_EXIT_OK);
		return 0;
	case 'V':
		printf("%s\n", argp_program_version);
		exit(CMD_OK);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp usage_everywhere = {
	.options =
		(const struct argp_option[]){
			{"help", 'h', NULL, 0, "Describe the command and its options", -1},
			{NULL, '?', NULL, OPTION_HIDDEN, NULL, -1},
			{"usage", KEY_USAGE, NULL, 0, "Show the options in short", -1},
			{"version", 'V', NULL, 0, "Say which version this is", -1},
			{0},
		},
	.parser = parse};

/* ---- errors ---------------------------------------------------------------------------------------- */

/* What argp says on stderr, until it is known whether it goes on. */
static struct {
	FILE *real;
	char *text;
	size_t len;
	const char *name;
	const struct argp *argp;
} said;

struct known {
	const struct argp_option *options[MAX_OPTIONS];
	size_t cnt;
};

static bool add_option(void *ctx, const struct argp_option *o, const struct argp_option *real)
{
	struct known *k = ctx;

	(void)real;
	if (k->cnt < MAX_OPTIONS)
		k->options[k->cnt++] = o;
	return false;
}

/* "--pid" or "p", as getopt names it. */
static const struct argp_option *find_option(const struct known *k, const char *word)
{
	for (size_t i = 0; i < k->cnt; i++) {
		const struct argp_option *o = k->options[i];

		if (word[0] == '-' ? o->name && !strcmp(o->name, word + 2) : !word[1] && o->key == word[0])
			return o;
	}
	return NULL;
}

static char *about_unknown(const struct known *k, const char *word)
{
	const char *names[MAX_OPTIONS + 1] = {0}, *near;
	size_t len = strcspn(word, "="), cnt = 0;
	__cleanup_free char *name = xstrndup(word, len);

	for (size_t i = 0; i < k->cnt; i++)
		if (k->options[i]->name && !(k->options[i]->flags & OPTION_HIDDEN))
			names[cnt++] = k->options[i]->name;
	near = nearest_word(name + (name[0] == '-' ? 2 : 0), names);
	if (name[0] == '-' && near)
		return xasprintf("there is no option %s; did you mean --%s?", name, near);
	return xasprintf("there is no option %s%s; `%s --help` shows those that there are", name[0] == '-' ? "" : "-",
			 name, said.name);
}

/* "--pid needs a value: --pid PID" */
static char *about_missing(const struct known *k, const char *word)
{
	const struct argp_option *o = find_option(k, word);
	const char *dashes = word[0] == '-' ? "" : "-", *arg = o && o->arg ? o->arg : "VALUE";

	return xasprintf("%s%s needs a value: %s%s %s", dashes, word, dashes, word, arg);
}

/* One of getopt's messages, in which a word stands between quotes; NULL: it is none of them. Caller frees. */
static char *reword(const struct known *k, const char *text)
{
	const char *quote = strchr(text, '\''), *end = quote ? strchr(quote + 1, '\'') : NULL;
	__cleanup_free char *word = end ? xstrndup(quote + 1, (size_t)(end - quote - 1)) : xstrdup("");

	if (!strncmp(text, "unrecognized option", 19) || !strncmp(text, "invalid option", 14))
		return about_unknown(k, word);
	if (strstr(text, "requires an argument"))
		return about_missing(k, word);
	if (strstr(text, "doesn't allow an argument"))
		return xasprintf("%s takes no value: leave out what is behind the =", word);
	if (!strcmp(text, "Too many arguments"))
		return xasprintf("too many words; `%s --help` shows what it takes", said.name);
	return NULL;
}

/* `line`: "NAME: what is wrong", as argp and getopt write it. */
static void explain(const char *line)
{
	__cleanup_free char *reworded = NULL;
	struct known k = {0};
	size_t len = strlen(said.name);

	if (!strncmp(line, said.name, len) && !strncmp(line + len, ": ", 2))
		line += len + 2;
	option_walk(said.argp, add_option, &k);
	reworded = reword(&k, line);
	log_error("%s", reworded ? reworded : line);
}

/* What argp advises to try is told by the message itself. */
static void say(void)
{
	char *advice, *line;

	if (!said.real)
		return;
	fclose(stderr);
	stderr = said.real;
	said.real = NULL;
	advice = strstr(said.text, "\nTry `");
	if (advice) {
		*advice = '\0';
		line = strrchr(said.text, '\n');
		line = line ? line + 1 : said.text;
		fwrite(said.text, 1, (size_t)(line - said.text), stderr);
		explain(line);
	} else {
		fputs(said.text, stderr);
	}
	free(said.text);
}

/* ---- both ------------------------------------------------------------------------------------------ */

/* Hands the command's own input on. */
static error_t parse_root(int key, char *arg, struct argp_state *state)
{
	(void)arg;
	if (key != ARGP_KEY_INIT)
		return ARGP_ERR_UNKNOWN;
	state->child_inputs[0] = state->input;
	return 0;
}

void usage_parse(const struct argp *argp, int argc, char **argv, unsigned flags, void *input)
{
	const struct argp_child children[] = {{argp, 0, NULL, 0}, {&usage_everywhere, 0, NULL, 0}, {0}};
	const struct argp root = {.parser = parse_root, .children = children};
	FILE *kept = open_memstream(&said.text, &said.len);

	if (kept) {
		said.real = stderr;
		said.name = argv[0];
		said.argp = argp;
		stderr = kept;
		atexit(say);
	}
	argp_parse(&root, argc, argv, flags | ARGP_NO_HELP, NULL, input);
	say();
}
