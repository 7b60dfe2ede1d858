/* For zsh: a list of commands and _arguments' specifications of each, then the functions of
 * completions.zsh. */
#include "user/cmd/cmd.h"
#include "user/cmd/completion_values.h"
#include "user/util/alloc.h"
#include <stdio.h>
#include <string.h>

static const char functions[] = {
#include <user/cmd/completions.zsh.inc>
	0};

static void write_name(FILE *out, const struct cmd *c)
{
	__cleanup_free char *summary = completion_quoted(c->summary, ":\\", "'\\''");

	fprintf(out, "\t'%s:%s'\n", c->name, summary);
}

/* _arguments' action for a kind of value. */
static char *action_of(const char *kind)
{
	if (!strcmp(kind, "none"))
		return xstrdup(" ");
	if (!strncmp(kind, "words ", 6))
		return xasprintf("(%s)", kind + 6);
	return !strcmp(kind, "files") ? xstrdup("_files") : xasprintf("_pybpfprof_%s", kind);
}

/* ":PID:_pybpfprof_pids" */
static char *value_of(const struct option_row *o)
{
	__cleanup_free char *kind = completion_kind(o->arg);
	__cleanup_free char *action = action_of(kind);
	__cleanup_free char *label = completion_quoted(o->arg, ":\\", "'\\''");

	return xasprintf("%s%s:%s", o->arg_optional ? "::" : ":", label, action);
}

static void write_option(FILE *out, const struct option_row *o)
{
	__cleanup_free char *doc = completion_quoted(o->doc ? o->doc : "", "[]:\\", "'\\''");
	__cleanup_free char *value = o->arg ? value_of(o) : xstrdup("");

	if (o->letter)
		fprintf(out, "\t\t\t'*-%c%s[%s]%s'\n", o->letter, o->arg ? "+" : "", doc, value);
	if (o->name)
		fprintf(out, "\t\t\t'*--%s%s[%s]%s'\n", o->name, o->arg ? "=" : "", doc, value);
}

static void write_arguments(FILE *out, const struct cmd *c)
{
	__cleanup_free char *kind = completion_argument_kind(c->argp);
	__cleanup_free char *action = kind ? action_of(kind) : NULL;
	struct option_list l;

	completion_options(c, &l);
	fprintf(out, "\t%s)\n\t\tspecs=(\n", c->name);
	for (size_t i = 0; i < l.cnt; i++)
		write_option(out, &l.rows[i]);
	if (action)
		fprintf(out, "\t\t\t'*:%s:%s'\n", !strncmp(kind, "words", 5) ? "word" : kind,
			action);
	fprintf(out, "\t\t)\n\t\t;;\n");
	option_list__free(&l);
}

static void write_all(FILE *out)
{
	fprintf(out, "#compdef pybpfprof\n# zsh completion of pybpfprof " PYBPFPROF_VERSION
		     ", written by `pybpfprof completions zsh`.\n\n_pybpfprof_commands=(\n");
	completion_each(out, write_name);
	fprintf(out, ")\n\n_pybpfprof_arguments() { # COMMAND\n\tlocal -a specs\n\tcase $1 in\n");
	completion_each(out, write_arguments);
	fprintf(out, "\tesac\n\t_arguments -s -S $specs\n}\n%s", functions);
}

const struct shell shell_zsh = {.name = "zsh", .write = write_all};
