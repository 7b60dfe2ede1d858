/* SPDX-License-Identifier: MIT */
/*
 * `diff`: two recordings side by side, for people and for CI jobs. Its exit statuses are those of
 * diff(1), so that a job can tell a regression from a file that could not be read.
 */
#include "user/cmd/choice.h"
#include "user/cmd/cmd.h"
#include "user/cmd/messages.h"
#include "user/cmd/outputs.h"
#include "user/cmd/terminal.h"
#include "user/cmd/usage.h"
#include "user/cmd/view_options.h"
#include "user/format/diff/diff_report.h"
#include "user/format/svg/svg_diff.h"
#include "user/os/output.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include "user/util/text.h"
#include "user/util/units.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define DEFAULT_ROWS 20
#define MAX_ROWS     1000000

enum { DIFF_CROSSED = 1, DIFF_TROUBLE = 2 };

enum { KEY_FAIL_IF = 0x4000, KEY_ABSOLUTE, KEY_BY, KEY_WIDTH, KEY_MARKDOWN };

struct args {
	const char *inputs[2];
	struct diff_checked *checked;
	size_t checked_cnt;
	const char **files; /* -o */
	size_t file_cnt;
	const char *format; /* of standard output */
	bool width_of_a;    /* of frames of the flame graph */
	struct diff_options diff;
	struct view view;
	unsigned rows;
};

static const struct argp_option options[] = {
	{"output", 'o', "FILE", 0,
	 "Write FILE too: .svg, a flame graph of what changed; .txt, .md or .json, the tables; "
	 "repeatable",
	 1},
	{"format", 'f', "text|md|json", 0, "Format of the tables on standard output (default text)", 1},
	{"markdown", KEY_MARKDOWN, NULL, 0, "The same as -f md: for pull requests", 1},
	{"json", 'j', NULL, 0, "The same as -f json: all rows, unrounded (diff.schema.json describes it)", 1},
	{"fail-if", KEY_FAIL_IF, "THRESHOLD", 0,
	 "Exit with 1 if it is crossed; repeatable. See below for how to write it", 1},
	{"by", KEY_BY, "function|line|file|module", 0, "What the tables compare (default function)", 2},
	{"absolute", KEY_ABSOLUTE, NULL, 0,
	 "Compare amounts (CPU seconds, MiB, numbers) as they are, not shares of each run", 2},
	{"rows", 'n', "N", 0, "Rows of each table (default 20)", 2},
	{"width", KEY_WIDTH, "a|b", 0, "Frames of the flame graph are as wide as they were in B (default) or A", 2},
	{0},
};

static void add_threshold(struct args *a, const char *text, struct argp_state *state)
{
	char *why = NULL;

	a->checked = xrealloc(a->checked, (a->checked_cnt + 1) * sizeof(*a->checked));
	a->checked[a->checked_cnt] = (struct diff_checked){0};
	if (diff_limit__parse(&a->checked[a->checked_cnt].limit, text, &why))
		argp_error(state, "--fail-if '%s': %s", text, why);
	a->checked_cnt++;
}

static void add_file(struct args *a, const char *path)
{
	a->files = xrealloc(a->files, (a->file_cnt + 1) * sizeof(*a->files));
	a->files[a->file_cnt++] = path;
}

static void add_input(struct args *a, const char *path, struct argp_state *state)
{
	if (a->inputs[1])
		argp_error(state, "two recordings are compared, not more: %s, %s, %s", a->inputs[0], a->inputs[1],
			   path);
	a->inputs[a->inputs[0] != NULL] = path;
}

static void parse_rows(struct args *a, const char *arg, struct argp_state *state)
{
	const char *why;
	uint64_t rows;

	if (units_parse_count(arg, &rows, &why))
		argp_error(state, "-n %s: %s", arg, why);
	a->rows = rows < MAX_ROWS ? (unsigned)rows : MAX_ROWS;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	static const char *const keys[] = {"function", "line", "file", "module", NULL}, *const sides[] = {"b", "a",
													  NULL};
	struct args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->view;
		return 0;
	case ARGP_KEY_ARG:
		add_input(a, arg, state);
		return 0;
	case 'o':
		add_file(a, arg);
		return 0;
	case 'f':
		a->format = arg;
		return 0;
	case KEY_MARKDOWN:
		a->format = "md";
		return 0;
	case 'j':
		a->format = "json";
		return 0;
	case KEY_FAIL_IF:
		add_threshold(a, arg, state);
		return 0;
	case KEY_BY:
		a->diff.key = choice_parse(state, "--by", arg, keys);
		return 0;
	case KEY_ABSOLUTE:
		a->diff.absolute = true;
		return 0;
	case 'n':
		parse_rows(a, arg, state);
		return 0;
	case KEY_WIDTH:
		a->width_of_a = choice_parse(state, "--width", arg, sides);
		return 0;
	case ARGP_KEY_END:
		if (!a->inputs[1])
			argp_error(state, "nothing to compare: give two recordings, before and after");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {{&view_options, 0, NULL, 0}, {&messages_options, 0, NULL, 0}, {0}};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "Compare two recordings (.pybpf) or JSON files of this program: what takes more, "
	       "what less, and which changes may be chance.\v"
	       "Functions are the same in both when module, name and file are, wherever in the "
	       "file they "
	       "stand; processes and threads by what they are called. BEFORE is A, AFTER is B.\n\n"
	       "A threshold is own(WHAT) or total(WHAT), then >, >=, < or <=, then a number. WHAT "
	       "is a "
	       "function as --callers of `report` finds it, or file:PATH, module:NAME (with all "
	       "that is in "
	       "it), line:FILE:N, or * for each function by itself. Several functions that fit a "
	       "name are "
	       "taken together. A number with a sign is a change: +10% of what it was, +2pp "
	       "percentage "
	       "points of the whole, +1.5s or +300ms. One without is the amount of AFTER: 10% of its "
	       "whole, or 1.5s. A change within chance (95 %) crosses nothing, and is said to be so.\n\n"
	       "Exit status: 0; 1 when a threshold is crossed; 2 when it could not compare.",
	.children = children,
};

/* ---- outputs ---------------------------------------------------------------------------------- */

/* Formats, by the end of a name or by -f. */
struct writer {
	const char *name, *suffix;
	int (*tables)(const struct diff_report *r, FILE *out); /* NULL: the flame graph */
};

static const struct writer writers[] = {
	{"text", ".txt", diff_write_text},
	{"md", ".md", diff_write_markdown},
	{"json", ".json", diff_write_json},
	{"svg", ".svg", NULL},
};

static const struct writer *writer_by_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(writers); i++)
		if (writers[i].tables && !strcmp(writers[i].name, name))
			return &writers[i];
	log_error("-f %s: known are text, md and json; -o FILE.svg draws a flame graph", name);
	return NULL;
}

static const struct writer *writer_of(const char *path)
{
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; dot && i < ARRAY_SIZE(writers); i++)
		if (!strcmp(dot, writers[i].suffix))
			return &writers[i];
	log_error("%s: a comparison is written as .svg, .txt, .md or .json", path);
	return NULL;
}

/* Before anything is read: a name that cannot be written should not cost the reading. */
static int check_outputs(const struct args *a)
{
	if (!writer_by_name(a->format))
		return -EINVAL;
	for (size_t i = 0; i < a->file_cnt; i++)
		if (!writer_of(a->files[i]) || output__check(a->files[i]))
			return -EINVAL;
	return 0;
}

static int write_one(const char *path, const struct writer *w, const struct diff_report *r, const struct svg_diff *svg)
{
	struct output *out = output__open(path);
	int err;

	if (!out)
		return -EIO;
	err = w->tables ? w->tables(r, output__stream(out)) : svg_diff_write(svg, output__stream(out));
	if (err && !ferror(output__stream(out))) {
		output__abort(out);
		return err;
	}
	output__share(out);
	err = output__commit(out);
	return err == -EPIPE ? 0 : err;
}

/* For people; a script knows what it asked for. */
static void say_written(const char *path)
{
	__cleanup_free char *size = NULL;
	struct stat st;

	if (!isatty(STDERR_FILENO) || output__is_stdout(path) || stat(path, &st))
		return;
	size = units_size_text((uint64_t)st.st_size);
	log_info("wrote %s (%s)", path, size);
}

/* Files, then standard output. */
static int write_outputs(const struct args *a, struct diff_report *r)
{
	const struct svg_diff svg = {r->diff, &a->view, r->name_a, r->name_b, a->width_of_a};
	int err = 0;

	for (size_t i = 0; i < a->file_cnt; i++) {
		if (write_one(a->files[i], writer_of(a->files[i]), r, &svg))
			err = -EIO;
		else
			say_written(a->files[i]);
	}
	r->width = terminal_width();
	r->colour = terminal_has_colour();
	return write_one("-", writer_by_name(a->format), r, &svg) ? -EIO : err;
}

/* ---- the comparison -------------------------------------------------------------------------- */

static int check_thresholds(const struct args *a, const struct diff *d)
{
	for (size_t i = 0; i < a->checked_cnt; i++) {
		struct diff_checked *c = &a->checked[i];
		char *why = NULL;

		if (diff_limit__check(&c->limit, d, &c->results, &c->cnt, &why)) {
			log_error("--fail-if '%s': %s", c->limit.text, why);
			free(why);
			return -EINVAL;
		}
	}
	return 0;
}

static bool is_crossed(const struct args *a)
{
	for (size_t i = 0; i < a->checked_cnt; i++)
		for (size_t k = 0; k < a->checked[i].cnt; k++)
			if (a->checked[i].results[k].verdict == LIMIT_CROSSED)
				return true;
	return false;
}

/* Nothing can be said of a run without samples; a share of nothing is no number. */
static bool has_samples(const struct chance_run *run, const char *path)
{
	if (run->value > 0)
		return true;
	log_error("%s: it has no samples to compare", path);
	return false;
}

/* Both have the type that is asked for, and thresholds are in what it is measured in. */
static bool can_compare(const struct args *a, const struct profile *before, const struct profile *after)
{
	struct view v = a->view, of_before = a->view;

	if (view_options_settle(&of_before, before) || view_options_settle(&v, after))
		return false;
	if (strcmp(view__type(&of_before, before)->name, view__type(&v, after)->name)) {
		log_error("the first values are %s in one and %s in the other: choose with --type",
			  view__type(&of_before, before)->sentence, view__type(&v, after)->sentence);
		return false;
	}
	for (size_t i = 0; i < a->checked_cnt; i++)
		if (a->checked[i].limit.unit == LIMIT_SECONDS && view__type(&v, after)->unit != PROFILE_NANOSECONDS) {
			log_error("--fail-if '%s': the %s is not measured in seconds; write %% or pp",
				  a->checked[i].limit.text, view__type(&v, after)->sentence);
			return false;
		}
	return true;
}

static int compare(struct args *a, const struct profile *before, const struct profile *after)
{
	__cleanup_free char *name_a = text_clean(a->inputs[0], strlen(a->inputs[0]), 0);
	__cleanup_free char *name_b = text_clean(a->inputs[1], strlen(a->inputs[1]), 0);
	struct diff *d;
	struct diff_report r = {.name_a = name_a,
				.name_b = name_b,
				.checked = a->checked,
				.checked_cnt = a->checked_cnt,
				.rows = a->rows};
	int status = DIFF_TROUBLE;

	if (!can_compare(a, before, after))
		return status;
	a->view.no_idle = !a->view.idle_waits;
	a->diff.view = &a->view;
	r.diff = d = diff__new(&a->diff, before, after);
	if (has_samples(&d->run_a, a->inputs[0]) && has_samples(&d->run_b, a->inputs[1]) && !check_thresholds(a, d) &&
	    !write_outputs(a, &r))
		status = is_crossed(a) ? DIFF_CROSSED : CMD_OK;
	diff__free(d);
	return status;
}

static void free_args(struct args *a)
{
	for (size_t i = 0; i < a->checked_cnt; i++) {
		diff_limit__free(&a->checked[i].limit);
		limit_results__free(a->checked[i].results, a->checked[i].cnt);
	}
	free(a->checked);
	free(a->files);
}

static int run(int argc, char **argv)
{
	struct args a = {.rows = DEFAULT_ROWS, .format = "text"};
	struct profile *before = NULL, *after = NULL;
	int status = DIFF_TROUBLE;

	usage_parse(&argp, argc, argv, 0, &a);
	outputs__die_cleanly();
	if (!check_outputs(&a) && !format_read(a.inputs[0], &before) && !format_read(a.inputs[1], &after))
		status = compare(&a, before, after);
	profile__free(before);
	profile__free(after);
	free_args(&a);
	return status;
}

const struct cmd cmd_diff = {
	.name = "diff",
	.args = "BEFORE AFTER [-o FILE.svg] [--fail-if THRESHOLD]",
	.summary = "what changed between two recordings, beyond chance",
	.examples = {{"pybpfprof diff before.pybpf after.pybpf -o diff.svg", "what changed, and a picture of it"},
		     {"pybpfprof diff main.json branch.json --markdown --fail-if 'own(*) > +25%'",
		      "for a pull request: exit 1 when a function became that much slower"},
		     {"pybpfprof diff a.pybpf b.pybpf --fail-if 'total(module:app.db) > +2pp'",
		      "the same of a module, in points of the whole"}},
	.argp = &argp,
	.as_invoker = true,
	.run = run,
};
