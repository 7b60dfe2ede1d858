/* For bash: three tables written here, then the functions of completions.bash, which use them. */
#include "user/cmd/cmd.h"
#include "user/cmd/completion_values.h"
#include "user/util/alloc.h"
#include <stdio.h>
#include <string.h>

static const char functions[] = {
#include <user/cmd/completions.bash.inc>
	0};

static void write_name(FILE *out, const struct cmd *c)
{
	fprintf(out, "%s%s", c == cmds[0] ? "" : " ", c->name);
}

static void write_options(FILE *out, const struct cmd *c)
{
	struct option_list l;

	completion_options(c, &l);
	fprintf(out, "\t%s) echo \"", c->name);
	for (size_t i = 0; i < l.cnt; i++) {
		if (l.rows[i].letter && l.rows[i].letter != '?')
			fprintf(out, "-%c ", l.rows[i].letter);
		if (l.rows[i].name)
			fprintf(out, "--%s ", l.rows[i].name);
	}
	fprintf(out, "\" ;;\n");
	option_list__free(&l);
}

static void write_values(FILE *out, const struct cmd *c)
{
	struct option_list l;

	completion_options(c, &l);
	for (size_t i = 0; i < l.cnt; i++) {
		const struct option_row *o = &l.rows[i];
		__cleanup_free char *kind =
			o->arg && !o->arg_optional ? completion_kind(o->arg) : NULL;

		if (!kind)
			continue;
		fputc('\t', out);
		if (o->letter)
			fprintf(out, "%s:-%c%s", c->name, o->letter, o->name ? " | " : "");
		if (o->name)
			fprintf(out, "%s:--%s", c->name, o->name);
		fprintf(out, ") echo \"%s\" ;;\n", kind);
	}
	option_list__free(&l);
}

static void write_argument(FILE *out, const struct cmd *c)
{
	__cleanup_free char *kind = completion_argument_kind(c->argp);

	if (kind)
		fprintf(out, "\t%s) echo \"%s\" ;;\n", c->name, kind);
}

static void write_all(FILE *out)
{
	fprintf(out, "# bash completion of pybpfprof " PYBPFPROF_VERSION
		     ", written by `pybpfprof completions bash`.\n\n_pybpfprof_commands=\"");
	completion_each(out, write_name);
	fprintf(out, "\"\n\n_pybpfprof_options() { # COMMAND\n\tcase $1 in\n");
	completion_each(out, write_options);
	fprintf(out, "\tesac\n}\n\n# What the value of an option is; fails when it has none.\n"
		     "_pybpfprof_value() { # COMMAND OPTION\n\tcase $1:$2 in\n");
	completion_each(out, write_values);
	fprintf(out,
		"\t*) return 1 ;;\n\tesac\n}\n\n_pybpfprof_argument() { # COMMAND\n\tcase $1 in\n");
	completion_each(out, write_argument);
	fprintf(out, "\t*) return 1 ;;\n\tesac\n}\n%s", functions);
}

const struct shell shell_bash = {.name = "bash", .write = write_all};
