/* For fish: the functions of completions.fish, then a `complete` line for each command and option.
 */
#include "user/cmd/cmd.h"
#include "user/cmd/completion_values.h"
#include "user/util/alloc.h"
#include <stdio.h>
#include <string.h>

static const char functions[] = {
#include <user/cmd/completions.fish.inc>
	0};

static void write_name(FILE *out, const struct cmd *c)
{
	fprintf(out, " %s", c->name);
}

static void write_command(FILE *out, const struct cmd *c)
{
	__cleanup_free char *summary = completion_quoted(c->summary, "\\", "\\'");

	fprintf(out, "complete -c pybpfprof -f -n __pybpfprof_needs_command -a %s -d '%s'\n",
		c->name, summary);
}

/* fish's arguments for a kind of value. */
static char *value_of(const char *kind)
{
	if (!strncmp(kind, "words ", 6))
		return xasprintf(" -x -a '%s'", kind + 6);
	if (!strcmp(kind, "none"))
		return xstrdup(" -x");
	if (!strcmp(kind, "files"))
		return xstrdup(" -r -F");
	if (!strcmp(kind, "pids") || !strcmp(kind, "targets"))
		return xasprintf(" -%s -a '(__pybpfprof_pids)'", *kind == 'p' ? "x" : "F");
	return xasprintf(" -x -a '(__pybpfprof_list %s)'", kind);
}

static void write_option(FILE *out, const struct cmd *c, const struct option_row *o)
{
	__cleanup_free char *doc = completion_quoted(o->doc ? o->doc : "", "\\", "\\'");
	__cleanup_free char *kind = o->arg && !o->arg_optional ? completion_kind(o->arg) : NULL;
	__cleanup_free char *value = kind ? value_of(kind) : xstrdup(" -f");

	fprintf(out, "complete -c pybpfprof -n '__pybpfprof_is %s'", c->name);
	if (o->letter && o->letter != '?')
		fprintf(out, " -s %c", o->letter);
	if (o->name)
		fprintf(out, " -l %s", o->name);
	fprintf(out, "%s -d '%s'\n", value, doc);
}

static void write_arguments(FILE *out, const struct cmd *c)
{
	__cleanup_free char *kind = completion_argument_kind(c->argp);
	__cleanup_free char *value = kind ? value_of(kind) : xstrdup(" -f");
	struct option_list l;

	completion_options(c, &l);
	for (size_t i = 0; i < l.cnt; i++)
		write_option(out, c, &l.rows[i]);
	option_list__free(&l);
	fprintf(out, "complete -c pybpfprof -n '__pybpfprof_is %s'%s\n", c->name, value);
}

static void write_all(FILE *out)
{
	fprintf(out, "# fish completion of pybpfprof " PYBPFPROF_VERSION
		     ", written by `pybpfprof completions fish`.\n\nset -g __pybpfprof_commands");
	completion_each(out, write_name);
	fprintf(out, "\n\n%s", functions);
	completion_each(out, write_command);
	completion_each(out, write_arguments);
}

const struct shell shell_fish = {.name = "fish", .write = write_all};
