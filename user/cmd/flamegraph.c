/* SPDX-License-Identifier: MIT */
/* `flamegraph`: a recording, or our JSON, into an SVG; `convert` with a name for the output. */
#include "user/cmd/cmd.h"
#include "user/cmd/input.h"
#include "user/cmd/messages.h"
#include "user/cmd/usage.h"
#include "user/cmd/view_options.h"
#include "user/os/output.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <string.h>

struct args {
	const char *input, *output;
	struct view view;
	bool open;
};

enum { KEY_OPEN = 0x1000 };

static const struct argp_option options[] = {
	{"output", 'o', "FILE", 0, "Write FILE (.svg; - is standard output); default: the input's name with .svg", 2},
	{"open", KEY_OPEN, NULL, 0, "Then show it in the browser of the user who typed the command", 2},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->input;
		state->child_inputs[1] = &a->view;
		return 0;
	case 'o':
		if (a->output)
			argp_error(state, "one output at a time; `pybpfprof convert` writes several");
		a->output = arg;
		return 0;
	case KEY_OPEN:
		a->open = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {
	{&input_options, 0, NULL, 0}, {&view_options, 0, NULL, 0}, {&messages_options, 0, NULL, 0}, {0}};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "Draw a flame graph from a recording (.pybpf) or this program's JSON.",
	.children = children,
};

/* "dir/rec.pybpf" → "dir/rec.svg" */
static char *default_output(const char *input)
{
	const char *slash = strrchr(input, '/');
	const char *name = slash ? slash + 1 : input;
	const char *dot = strrchr(name, '.');
	size_t len = dot && dot > name ? (size_t)(dot - input) : strlen(input);

	if (dot && !strcmp(dot, ".svg"))
		len = strlen(input);
	return xasprintf("%.*s.svg", (int)len, input);
}

/* A name that nobody typed must not take another program's picture away. */
static bool is_anothers(const char *path)
{
	__cleanup_file FILE *f = fopen(path, "re");
	char head[4096];
	size_t len = f ? fread(head, 1, sizeof(head), f) : 0;

	return f && !memmem(head, len, "pybpfprof ", strlen("pybpfprof "));
}

static int run(int argc, char **argv)
{
	struct args a = {0};
	struct outputs outputs = {0};
	__cleanup_free char *name = NULL;
	const char *dot;
	int status;

	usage_parse(&argp, argc, argv, 0, &a);
	outputs__die_cleanly();
	name = a.output ? xstrdup(a.output) : default_output(a.input);
	dot = strrchr(name, '.');
	if (!output__is_stdout(name) && (!dot || strcmp(dot, ".svg"))) {
		log_error("%s: a flame graph is an .svg; `pybpfprof convert` writes other formats", name);
		return CMD_USAGE;
	}
	if (!a.output && is_anothers(name)) {
		log_error("%s is there already, and was not made by this program: -o %s replaces it", name, name);
		return CMD_USAGE;
	}
	outputs.format_name = "svg";
	outputs.open = a.open;
	outputs__add(&outputs, output__is_stdout(name) ? "-" : name);
	status = input__convert(a.input, &outputs, &a.view, true);
	outputs__free(&outputs);
	return status;
}

const struct cmd cmd_flamegraph = {
	.name = "flamegraph",
	.args = "RECORDING [-o FILE]",
	.summary = "a recording into an SVG flame graph",
	.examples = {{"pybpfprof flamegraph rec.pybpf", "writes rec.svg"},
		     {"pybpfprof flamegraph rec.pybpf -o out.svg --threads --open",
		      "a root for each thread, shown in the browser"}},
	.argp = &argp,
	.as_invoker = true,
	.run = run,
};
