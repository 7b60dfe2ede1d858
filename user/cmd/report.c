/* SPDX-License-Identifier: MIT */
/* `report`: a recording, or our JSON, as text for a terminal. */
#include "user/cmd/choice.h"
#include "user/cmd/cmd.h"
#include "user/cmd/input.h"
#include "user/cmd/messages.h"
#include "user/cmd/sources.h"
#include "user/cmd/terminal.h"
#include "user/cmd/usage.h"
#include "user/cmd/view_options.h"
#include "user/format/format.h"
#include "user/format/report.h"
#include "user/os/output.h"
#include "user/profile/imports.h"
#include "user/profile/source_text.h"
#include "user/util/alloc.h"
#include "user/util/nearest.h"
#include "user/util/text.h"
#include "user/util/units.h"
#include <errno.h>
#include <string.h>

#define DEFAULT_ROWS 20
#define MAX_ROWS     1000000

enum { KEY_FULL_FILENAMES = 0x3000, KEY_BY, KEY_CALLERS, KEY_TYPE, KEY_MERGE, KEY_IMPORTS, KEY_WHOLE, KEY_IDLE_WAITS };

struct args {
	const char *input;
	struct view view;
	struct report report;
	bool json, has_rows;
};

static const struct argp_option options[] = {
	{"by", KEY_BY, "function|line|file|module|thread|task|process|tree|callers", 0, "One table alone", 2},
	{"callers", KEY_CALLERS, "NAME", 0,
	 "Who called a function and what it called. NAME is its name or module.name, or else the "
	 "last part of it, any part of it, or a regular expression: the first of these that finds "
	 "something. /NAME/ is always a regular expression",
	 2},
	{"json", 'j', NULL, 0, "Write JSON, with all rows (report.schema.json describes it)", 2},
	{"rows", 'n', "N", 0, "Rows of each table (default 20)", 2},
	{"gil", 'g', NULL, 0, "Only samples whose thread held the GIL", 2},
	{"full-filenames", KEY_FULL_FILENAMES, NULL, 0, "Whole paths of source files", 2},
	{"merge", KEY_MERGE, "processes", 0, "All processes of a program, as of a pool of equal workers, as one", 2},
	{"import-frames", KEY_IMPORTS, NULL, 0,
	 "The import system frame by frame, instead of one frame `import X`; --json always has all frames", 2},
	{"whole", KEY_WHOLE, NULL, 0,
	 "The call tree from where threads begin, also where that is far from your own code", 2},
	{"type", KEY_TYPE, "NAME", 0,
	 "What is shown of a recording that has values of several types: `cpu`, `faults`… (default: `wall` if "
	 "it has all of it, else its first)",
	 2},
	{"idle-waits", KEY_IDLE_WAITS, NULL, 0, "With waits of threads that have nothing to do", 2},
	{0},
};

static void parse_by(struct args *a, const char *arg, struct argp_state *state)
{
	__cleanup_free char *known = report_section_names();

	if (!report_has_section(arg)) {
		__cleanup_free char *hint = nearest_hint_of(arg, known);

		argp_error(state, "--by %s: %s", arg, hint);
	}
	a->report.by = arg;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	static const char *const merged[] = {"processes", NULL};
	struct args *a = state->input;
	const char *why;
	uint64_t rows;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->input;
		return 0;
	case KEY_BY:
		parse_by(a, arg, state);
		return 0;
	case KEY_CALLERS:
		a->report.callers = arg;
		return 0;
	case 'j':
		a->json = true;
		return 0;
	case 'n':
		if (units_parse_count(arg, &rows, &why))
			argp_error(state, "-n %s: %s", arg, why);
		a->report.rows = rows < MAX_ROWS ? (unsigned)rows : MAX_ROWS;
		a->has_rows = true;
		return 0;
	case 'g':
		a->view.gil_only = true;
		return 0;
	case KEY_TYPE:
		a->view.type_name = arg;
		return 0;
	case KEY_MERGE:
		choice_parse(state, "--merge", arg, merged);
		a->view.merge_processes = true;
		return 0;
	case KEY_IMPORTS:
		a->view.import_frames = true;
		return 0;
	case KEY_WHOLE:
		a->view.whole = true;
		return 0;
	case KEY_IDLE_WAITS:
		a->view.idle_waits = true;
		return 0;
	case KEY_FULL_FILENAMES:
		a->view.full_filenames = true;
		return 0;
	case ARGP_KEY_END:
		if (a->report.by && a->report.callers)
			argp_error(state, "--by and --callers exclude each other");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {{&input_options, 0, NULL, 0}, {&messages_options, 0, NULL, 0}, {0}};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "Show what was hot in a recording (.pybpf) or this program's JSON, as text.\v"
	       "It begins with three sentences: where the time is (that of libraries counts for your function that "
	       "called "
	       "them), what holds the GIL, and what was lost or is too little to say more. "
	       "\"own\" is the time a function itself was running; \"total\" includes what it "
	       "called.\n\n"
	       "The text of a source line is shown when its file is still there in the root directory of "
	       "the process that ran it (of one in a container: while that runs), is older than that "
	       "process and has the function where it was.",
	.children = children,
};

static int write_report(const struct args *a, const struct profile *p)
{
	struct output *out = output__open("-");
	int err = (a->json ? report_write_json : report_write)(p, &a->report, output__stream(out));
	int end = output__commit(out);

	if (err)
		return CMD_FAILED;
	return end && end != -EPIPE ? CMD_FAILED : CMD_OK;
}

static int run(int argc, char **argv)
{
	struct args a = {.report = {.rows = DEFAULT_ROWS}};
	struct sources *sources;
	__cleanup_free char *callers = NULL;
	struct profile *p, *folded;
	int status;

	usage_parse(&argp, argc, argv, 0, &a);
	if (format_read(a.input, &p))
		return CMD_FAILED;
	if (view_options_settle(&a.view, p)) {
		profile__free(p);
		return CMD_FAILED;
	}
	sources = sources__new(p);
	a.view.sources = sources__view(sources);
	if (a.report.callers) /* as names in profiles are, so that they meet */
		a.report.callers = callers = text_clean(a.report.callers, strlen(a.report.callers), 0);
	a.view.no_idle = !a.view.idle_waits;
	a.report.view = &a.view;
	a.report.source = source_text__new(&a.view.sources);
	if (a.json && !a.has_rows)
		a.report.rows = UINT32_MAX;
	a.report.width = terminal_width();
	a.report.colour = terminal_has_colour();
	folded = a.json || a.view.import_frames ? NULL : profile__fold_imports(p);
	status = write_report(&a, folded ? folded : p);
	restack__free(folded);
	source_text__free(a.report.source);
	sources__free(sources);
	profile__free(p);
	return status;
}

const struct cmd cmd_report = {
	.name = "report",
	.args = "RECORDING",
	.summary = "a recording as text: hot functions and lines, callers, losses",
	.examples = {{"pybpfprof report rec.pybpf", "what was hot"},
		     {"pybpfprof report --callers Session.execute rec.pybpf",
		      "who calls a function, and what it calls"},
		     {"pybpfprof report --by line -n 100 rec.pybpf | less -S", "one table alone, of many rows"}},
	.argp = &argp,
	.as_invoker = true,
	.run = run,
};
