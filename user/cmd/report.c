/* `report`: a recording, or our JSON, as text for a terminal. */
#include "user/cmd/cmd.h"
#include "user/cmd/input.h"
#include "user/format/format.h"
#include "user/format/report.h"
#include "user/os/output.h"
#include "user/util/alloc.h"
#include "user/util/units.h"
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#define DEFAULT_ROWS 20
#define MAX_ROWS     1000000

enum { KEY_FULL_FILENAMES = 0x3000 };

struct args {
	const char *input;
	struct view view;
	unsigned rows;
};

static const struct argp_option options[] = {
	{"rows", 'n', "N", 0, "Rows of each table (default 20)", 2},
	{"gil", 'g', NULL, 0, "Only samples whose thread held the GIL", 2},
	{"full-filenames", KEY_FULL_FILENAMES, NULL, 0, "Whole paths of source files", 2},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;
	const char *why;
	uint64_t rows;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->input;
		return 0;
	case 'n':
		if (units_parse_count(arg, &rows, &why))
			argp_error(state, "-n %s: %s", arg, why);
		a->rows = rows < MAX_ROWS ? (unsigned)rows : MAX_ROWS;
		return 0;
	case 'g':
		a->view.gil_only = true;
		return 0;
	case KEY_FULL_FILENAMES:
		a->view.full_filenames = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {{&input_options, 0, NULL, 0}, {0}};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "RECORDING",
	.doc = "Show what was hot in a recording (.pybpf) or this program's JSON, as text.\v"
	       "\"own\" is the time a function itself was running; \"total\" includes what it "
	       "called. "
	       "For example:\n"
	       "  pybpfprof report rec.pybpf\n"
	       "  pybpfprof report -n 100 rec.pybpf | less -S",
	.children = children,
};

/* The terminal's width; 0 where there is none: a file or a pipe gets whole names. */
static unsigned output_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	const char *why;
	uint64_t width;

	if (columns && !units_parse_count(columns, &width, &why) && width < 10000)
		return (unsigned)width;
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) ? 0 : size.ws_col;
}

static bool is_colourful(void)
{
	const char *term = getenv("TERM"), *no = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && (!no || !*no) && term && strcmp(term, "dumb");
}

static int run(int argc, char **argv)
{
	struct args a = {.rows = DEFAULT_ROWS};
	struct report report = {.view = &a.view};
	struct output *out;
	struct profile *p;
	int err;

	argp_parse(&argp, argc, argv, 0, NULL, &a);
	if (format_read(a.input, &p))
		return CMD_FAILED;
	report.rows = a.rows;
	report.width = output_width();
	report.colour = is_colourful();
	out = output__open("-");
	report_write(p, &report, output__stream(out));
	err = output__commit(out);
	profile__free(p);
	return err && err != -EPIPE ? CMD_FAILED : CMD_OK;
}

const struct cmd cmd_report = {
	.name = "report",
	.args = "RECORDING",
	.summary = "a recording as text: hot functions and lines, processes, threads, losses",
	.argp = &argp,
	.run = run,
};
