/* SPDX-License-Identifier: MIT */
/*
 * `man`: the manual page, for `make install`. man_page.roff is its text; a line @NAME@ there stands for what comes from
 * the program's own tables. A command's part is what its --help prints.
 */
#include "bpf/outcomes.h"
#include "user/cmd/cmd.h"
#include "user/cmd/top/top_keys.h"
#include "user/cmd/usage.h"
#include "user/format/format.h"
#include "user/profile/value_type.h"
#include "user/source/source.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include <argp.h>
#include <string.h>

static const char page[] = {
#include <user/cmd/man_page.roff.inc>
	0};

#define LINE_COLUMNS 60 /* a source line is broken at the next blank */

/* ---- roff ------------------------------------------------------------------------------------ */

/* Lines of plain text. Escapes as in groff_man(7): formatters print other characters for some of ASCII. */
static void put_text(FILE *out, const char *text)
{
	static const char *const escapes[128] = {
		['\\'] = "\\e", ['-'] = "\\-", ['\''] = "\\(aq", ['`'] = "\\(ga", ['^'] = "\\(ha", ['~'] = "\\(ti",
	};

	for (const char *at = text; *at; at++) {
		unsigned char c = (unsigned char)*at;

		if (c == '.' && (at == text || at[-1] == '\n'))
			fputs("\\&", out); /* else it would be a request */
		if (c < ARRAY_SIZE(escapes) && escapes[c])
			fputs(escapes[c], out);
		else
			fputc(c, out);
	}
}

static void put_entry(FILE *out, const char *term, const char *text)
{
	__cleanup_free char *lines = xstrdup(text);

	for (size_t i = 0, begin = 0; lines[i]; i++) {
		if (lines[i] != ' ' || i - begin < LINE_COLUMNS)
			continue;
		lines[i] = '\n';
		begin = i + 1;
	}
	fputs(".TP\n\\fB", out);
	put_text(out, term);
	fputs("\\fP\n", out);
	put_text(out, lines);
	fputc('\n', out);
}

/* ---- the tables ------------------------------------------------------------------------------ */

static void write_synopsis(FILE *out)
{
	for (const struct cmd *const *c = cmds; *c; c++) {
		if ((*c)->hidden)
			continue;
		fprintf(out, "%s\\fBpybpfprof %s\\fP ", c == cmds ? "" : ".br\n", (*c)->name);
		put_text(out, (*c)->args);
		fputc('\n', out);
	}
}

/* The first two of each of the two commands that most people begin with. */
static void write_examples(FILE *out)
{
	for (size_t i = 0; i < 2; i++)
		for (size_t k = 0; k < 2; k++) {
			const struct cmd_example *e = &cmds[i]->examples[k];
			__cleanup_free char *text = xasprintf("%s# %s\n%s\n", i + k ? "\n" : "", e->says, e->line);

			put_text(out, text);
		}
}

static void write_command(FILE *out, const struct cmd *c)
{
	char *text = NULL;
	size_t len;
	FILE *help = open_memstream(&text, &len);

	usage_put_help(c, help);
	fclose(help);
	fprintf(out, ".SS pybpfprof %s ", c->name);
	put_text(out, c->args);
	fputs("\n.nf\n", out);
	put_text(out, text);
	fputs(".fi\n", out);
	free(text);
}

static void write_commands(FILE *out)
{
	setenv("ARGP_HELP_FMT", "no-dup-args-note,rmargin=76", 1);
	for (const struct cmd *const *c = cmds; *c; c++)
		if (!(*c)->hidden)
			write_command(out, *c);
}

static void write_formats(FILE *out)
{
	for (const struct format *const *f = formats; *f; f++) {
		__cleanup_free char *help = xasprintf("%s%s", (*f)->help, (*f)->read ? "; also an input" : "");
		__cleanup_free char *term = NULL;
		struct buf b = {0};

		buf_printf(&b, "%s (", (*f)->name);
		for (const char *const *suffix = (*f)->suffixes; *suffix; suffix++)
			buf_printf(&b, "%s%s", suffix == (*f)->suffixes ? "" : " ", *suffix);
		buf_puts(&b, ")");
		term = buf_steal_text(&b);
		put_entry(out, term, help);
	}
}

static void write_events(FILE *out)
{
	for (const struct source *const *s = sources; *s; s++) {
		__cleanup_free char *text = NULL;
		struct buf b = {0};

		buf_puts(&b, (*s)->help);
		for (size_t i = 0; i < (*s)->type_cnt; i++)
			buf_printf(&b, "%s %s (%s): %s", i ? ";" : ". Values:", (*s)->types[i].name,
				   value_unit(&(*s)->types[i])->name, (*s)->types[i].sentence);
		text = buf_steal_text(&b);
		put_entry(out, (*s)->name, text);
	}
}

static void write_keys(FILE *out)
{
	for (const struct top_key *k = top_keys; k->label; k++)
		if (k->help)
			put_entry(out, k->label, k->help);
}

static void write_outcomes(FILE *out)
{
	static const char *const classes[] = {
		[ABI_WRITTEN] = "A stack was recorded:",
		[ABI_FILTERED] = "Not to be sampled; not counted as lost:",
		[ABI_NATIVE] = "No Python function was running; shown as\n[native threads] or [no Python function]:",
		[ABI_OUTSIDE] = "The target's, but without an interpreter (without Python):",
		[ABI_FAILED] = "There should have been a stack (failed):",
		[ABI_LOST] = "No record came of it (lost):",
	};
	static const struct {
		const char *word, *sentence;
		enum abi_outcome_class class;
	} outcomes[] = {
#define X(name, word, class, sentence) {word, sentence, ABI_##class},
		ABI_OUTCOMES(X)
#undef X
	};

	for (size_t class = 0; class < ARRAY_SIZE(classes); class++) {
		fprintf(out, ".PP\n%s\n", classes[class]);
		for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++)
			if (outcomes[i].class == class)
				put_entry(out, outcomes[i].word, outcomes[i].sentence);
	}
}

/* ---- the page -------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*write)(FILE *out);
} parts[] = {
	{"@SYNOPSIS@\n", write_synopsis}, {"@EXAMPLES@\n", write_examples}, {"@COMMANDS@\n", write_commands},
	{"@KEYS@\n", write_keys},         {"@FORMATS@\n", write_formats},   {"@OUTCOMES@\n", write_outcomes},
	{"@EVENTS@\n", write_events},
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
	.doc = "Write the manual page, as roff, to standard output.",
};

static int run(int argc, char **argv)
{
	usage_parse(&argp, argc, argv, 0, NULL);
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
	.examples = {{"pybpfprof man | man -l -", "to read it"}},
	.argp = &argp,
	.run = run,
	.hidden = true,
};
