/* The names of values in help texts carry their meaning: PID, PATH, FILE, a|b. */
#include "user/cmd/completion_values.h"
#include "user/cmd/cmd.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include <ctype.h>
#include <string.h>

/* By the beginning of the name. A PATH is a cgroup's; files are FILE. */
static const struct {
	const char *name, *kind;
} kinds[] = {
	{"PID", "pids"},        {"PATH", "cgroups"},   {"FILE", "files"},     {"DIR", "files"},
	{"RECORDING", "files"}, {"FORMAT", "formats"}, {"TARGET", "targets"}, {"INPUT", "files"},
	{"OUTPUT", "files"},    {"BEFORE", "files"},   {"AFTER", "files"},
};

/* "flame|icicle": the words themselves. */
static bool is_choice(const char *name)
{
	if (!strchr(name, '|'))
		return false;
	for (; *name; name++)
		if (!islower((unsigned char)*name) && !isdigit((unsigned char)*name) &&
		    !strchr("|-_", *name))
			return false;
	return true;
}

char *completion_kind(const char *arg)
{
	if (is_choice(arg)) {
		char *words = xasprintf("words %s", arg);

		for (char *p = words; *p; p++)
			if (*p == '|')
				*p = ' ';
		return words;
	}
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		size_t len = strlen(kinds[i].name);

		if (!strncmp(arg, kinds[i].name, len) && !isupper((unsigned char)arg[len]))
			return xstrdup(kinds[i].kind);
	}
	return xstrdup("none");
}

char *completion_argument_kind(const struct argp *argp)
{
	__cleanup_free char *text = xstrdup(argp->args_doc ? argp->args_doc : "");
	bool value = false; /* of a long option: `--pid PID` */
	char *save = NULL;

	for (char *w = strtok_r(text, " \n[]", &save); w; w = strtok_r(NULL, " \n[]", &save)) {
		__cleanup_free char *kind = *w == '-' || value ? NULL : completion_kind(w);

		if (!strcmp(w, "--"))
			break;
		value = !strncmp(w, "--", 2);
		if (kind && strcmp(kind, "none"))
			return xstrdup(kind);
	}
	return NULL;
}

/* argp adds these by itself. */
static const struct option_row everywhere[] = {
	{.name = "help", .letter = '?', .doc = "Describe the command and its options"},
	{.name = "usage", .doc = "Show the options in short"},
	{.name = "version", .letter = 'V', .doc = "Say which version this is"},
};

void completion_options(const struct cmd *c, struct option_list *l)
{
	size_t kept = 0;

	option_list__init(l, c->argp);
	for (size_t i = 0; i < l->cnt; i++)
		if (!l->rows[i].hidden && !l->rows[i].header)
			l->rows[kept++] = l->rows[i];
	l->cnt = kept;
	for (size_t i = 0; i < ARRAY_SIZE(everywhere); i++) {
		xgrow(l->rows, l->cnt, l->cap);
		l->rows[l->cnt++] = everywhere[i];
	}
}

void completion_each(FILE *out, void (*write)(FILE *out, const struct cmd *c))
{
	for (const struct cmd *const *c = cmds; *c; c++)
		if (!(*c)->hidden)
			write(out, *c);
}

char *completion_quoted(const char *text, const char *extra, const char *quote)
{
	struct buf b = {0};

	for (; *text; text++) {
		if (*text == '\'')
			buf_puts(&b, quote);
		else if (strchr(extra, *text))
			buf_printf(&b, "\\%c", *text);
		else
			buf_put(&b, text, 1);
	}
	return buf_steal_text(&b);
}
