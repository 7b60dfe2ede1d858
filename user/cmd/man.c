/*
 * `man`: the manual page, for `make install`. Commands, options, keys, formats and outcomes come
 * from the tables the program itself works by; the rest is man_page.roff, where a line @NAME@
 * stands for each of these.
 */
#include "bpf/outcomes.h"
#include "user/cmd/cmd.h"
#include "user/cmd/option_list.h"
#include "user/cmd/roff.h"
#include "user/cmd/top/top_keys.h"
#include "user/format/format.h"
#include "user/util/alloc.h"
#include <argp.h>
#include <string.h>

static const char page[] = {
#include <user/cmd/man_page.roff.inc>
	0};

/* ---- commands ------------------------------------------------------------------------------- */

static void write_synopsis(FILE *out)
{
	for (const struct cmd *const *c = cmds; *c; c++) {
		if ((*c)->hidden)
			continue;
		fprintf(out, "%s", c == cmds ? "" : ".br\n");
		fprintf(out, "\\fBpybpfprof %s\\fP ", (*c)->name);
		roff_text(out, (*c)->args);
		fputc('\n', out);
	}
}

static void write_names(FILE *out, const struct option_row *o)
{
	char letter[3] = {'-', o->letter, 0};
	__cleanup_free char *name = o->name ? xasprintf("--%s", o->name) : NULL;

	if (o->letter)
		roff_bold(out, letter);
	if (o->letter && name)
		fputs(", ", out);
	if (name)
		roff_bold(out, name);
	if (o->arg) {
		fprintf(out, "%s\\fI", !name ? " " : o->arg_optional ? "[=" : "=");
		roff_text(out, o->arg);
		fprintf(out, "\\fP%s", name && o->arg_optional ? "]" : "");
	}
}

static void write_option(FILE *out, const struct option_list *l, size_t i)
{
	fputs(".TP\n", out);
	write_names(out, &l->rows[i]);
	for (size_t k = i + 1; k < l->cnt && l->rows[k].alias; k++) {
		fputs(", ", out);
		write_names(out, &l->rows[k]);
	}
	fputc('\n', out);
	roff_text(out, l->rows[i].doc ? l->rows[i].doc : "");
	fputc('\n', out);
}

/* Tables that several commands share are described with the first of them. */
static const struct cmd *first_with(const struct argp *owner, const struct cmd *before)
{
	for (const struct cmd *const *c = cmds; *c && *c != before; c++) {
		struct option_list l;
		bool found = false;

		option_list__init(&l, (*c)->argp);
		for (size_t i = 0; i < l.cnt; i++)
			found |= l.rows[i].owner == owner;
		option_list__free(&l);
		if (found && !(*c)->hidden)
			return *c;
	}
	return NULL;
}

/* "-t, -F and …: as with record" instead of describing a table again. */
static void refer(FILE *out, const struct option_list *l, size_t i, const struct cmd *first)
{
	const struct argp *owner = l->rows[i].owner;
	bool any = false;

	for (size_t k = 0; k < i; k++)
		if (l->rows[k].owner == owner && !l->rows[k].header)
			return; /* done at its first option */
	fputs(".TP\n", out);
	for (size_t k = i; k < l->cnt; k++) {
		if (l->rows[k].owner != owner || l->rows[k].header || l->rows[k].hidden ||
		    l->rows[k].alias)
			continue;
		fputs(any ? ", " : "", out);
		write_names(out, &l->rows[k]);
		any = true;
	}
	fprintf(out, "\nas with \\fB%s\\fP\n", first->name);
}

/* Does any option of this header's group get a description here? */
static bool is_header_needed(const struct option_list *l, const struct option_row *header,
			     const struct cmd *c)
{
	for (size_t i = 0; i < l->cnt; i++) {
		const struct option_row *o = &l->rows[i];

		if (o->group == header->group && !o->header && !o->hidden &&
		    (o->owner == c->argp || !first_with(o->owner, c)))
			return true;
	}
	return false;
}

static void write_options(FILE *out, const struct cmd *c)
{
	struct option_list l;

	option_list__init(&l, c->argp);
	for (size_t i = 0; i < l.cnt; i++) {
		const struct option_row *o = &l.rows[i];
		const struct cmd *first = o->owner == c->argp ? NULL : first_with(o->owner, c);

		if (o->hidden || o->alias || (o->header && !is_header_needed(&l, o, c)))
			continue;
		if (o->header) {
			fputs(".PP\n", out);
			roff_text(out, o->doc ? o->doc : "");
			fputc('\n', out);
		} else if (first) {
			refer(out, &l, i, first);
		} else {
			write_option(out, &l, i);
		}
	}
	option_list__free(&l);
}

static void write_command(FILE *out, const struct cmd *c)
{
	const char *doc = c->argp->doc ? c->argp->doc : c->summary;
	const char *after = strchr(doc, '\v'); /* argp: what comes behind the options */
	__cleanup_free char *before = xstrndup(doc, strcspn(doc, "\v"));

	fprintf(out, ".SS pybpfprof %s ", c->name);
	roff_text(out, c->args);
	fputc('\n', out);
	roff_paragraphs(out, before);
	write_options(out, c);
	if (after) {
		fputs(".PP\n", out);
		roff_paragraphs(out, after + 1);
	}
}

static void write_commands(FILE *out)
{
	for (const struct cmd *const *c = cmds; *c; c++)
		if (!(*c)->hidden)
			write_command(out, *c);
}

/* ---- the other tables ----------------------------------------------------------------------- */

static void write_formats(FILE *out)
{
	for (const struct format *const *f = formats; *f; f++) {
		fputs(".TP\n", out);
		roff_bold(out, (*f)->name);
		for (const char *const *suffix = (*f)->suffixes; *suffix; suffix++) {
			fputs(suffix == (*f)->suffixes ? " (\\fI" : " ", out);
			fputs(**suffix == '.' ? "\\&" : "", out);
			roff_text(out, *suffix);
		}
		fputs("\\fP)\n", out);
		roff_text(out, (*f)->help);
		fprintf(out, "%s\n",
			(*f)->read ? "\n(an input as well: \\fBconvert\\fP, \\fBreport\\fP and "
				     "others read it)"
				   : "");
	}
}

static void write_keys(FILE *out)
{
	for (const struct top_key *k = top_keys; k->label; k++) {
		if (!k->help)
			continue;
		fputs(".TP\n", out);
		roff_bold(out, k->label);
		fputc('\n', out);
		roff_text(out, k->help);
		fputc('\n', out);
	}
}

static const char *const classes[] = {
	[ABI_WRITTEN] = "A stack was recorded:",
	[ABI_FILTERED] = "Not to be sampled; not counted as lost:",
	[ABI_OUTSIDE] = "The target's, but no Python was running:",
	[ABI_FAILED] = "There should have been a stack (failed):",
	[ABI_LOST] = "There was a stack that could not be sent (lost):",
};

static void write_outcomes(FILE *out)
{
	static const struct {
		const char *word, *sentence;
		enum abi_outcome_class class;
	} outcomes[] = {
#define X(name, word, class, sentence) {word, sentence, ABI_##class},
		ABI_OUTCOMES(X)
#undef X
	};

	for (size_t class = 0; class < ARRAY_SIZE(classes); class ++) {
		fprintf(out, ".PP\n%s\n", classes[class]);
		for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++) {
			if (outcomes[i].class != class)
				continue;
			fputs(".TP\n", out);
			roff_bold(out, outcomes[i].word);
			fputc('\n', out);
			roff_text(out, outcomes[i].sentence);
			fputc('\n', out);
		}
	}
}

/* ---- the page ------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*write)(FILE *out);
} parts[] = {
	{"@SYNOPSIS@\n", write_synopsis}, {"@COMMANDS@\n", write_commands},
	{"@KEYS@\n", write_keys},         {"@FORMATS@\n", write_formats},
	{"@OUTCOMES@\n", write_outcomes},
};

static void write_line(FILE *out, const char *line, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (!strncmp(line, parts[i].name, len) && !parts[i].name[len]) {
			parts[i].write(out);
			return;
		}
	}
	fwrite(line, 1, len, out);
}

static const struct argp argp = {
	.doc = "Write the manual page, as roff, to standard output. To read it: pybpfprof man | "
	       "man -l -",
};

static int run(int argc, char **argv)
{
	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	printf(".\\\" Written by `pybpfprof man`.\n.TH PYBPFPROF 1 \"" PYBPFPROF_DATE
	       "\" \"pybpfprof " PYBPFPROF_VERSION "\" \"User Commands\"\n");
	for (const char *at = page; *at;) {
		size_t len = strcspn(at, "\n");

		len += at[len] == '\n';
		write_line(stdout, at, len);
		at += len;
	}
	return fflush(stdout) || ferror(stdout) ? CMD_FAILED : CMD_OK;
}

const struct cmd cmd_man = {
	.name = "man",
	.args = "",
	.summary = "the manual page as roff",
	.argp = &argp,
	.run = run,
	.hidden = true,
};
