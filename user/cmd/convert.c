/* SPDX-License-Identifier: MIT */
/* `convert`: a recording, or our JSON, into any of the formats. Needs neither root nor BPF. */
#include "user/cmd/cmd.h"
#include "user/cmd/input.h"
#include "user/cmd/messages.h"
#include "user/cmd/usage.h"
#include "user/cmd/view_options.h"
#include <unistd.h>

struct args {
	const char *input;
	struct outputs outputs;
	struct view view;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	(void)arg;
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->input;
		state->child_inputs[1] = &a->outputs;
		state->child_inputs[2] = &a->view;
		return 0;
	case ARGP_KEY_END:
		if (!a->outputs.cnt)
			argp_error(state, "no output: give -o FILE, for example -o out.svg");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {{&input_options, 0, NULL, 0},
					     {&outputs_options, 0, NULL, 0},
					     {&view_options, 0, NULL, 0},
					     {&messages_options, 0, NULL, 0},
					     {0}};

static const struct argp argp = {
	.parser = parse,
	.doc = "Write a recording (.pybpf) or this program's JSON in other formats.",
	.children = children,
};

static int run(int argc, char **argv)
{
	struct args a = {0};
	int status;

	usage_parse(&argp, argc, argv, 0, &a);
	outputs__die_cleanly();
	/* a report is for people; scripts know what they asked for */
	status = input__convert(a.input, &a.outputs, &a.view, isatty(STDERR_FILENO));
	outputs__free(&a.outputs);
	return status;
}

const struct cmd cmd_convert = {
	.name = "convert",
	.args = "RECORDING -o FILE",
	.summary = "a recording into other formats (SVG, HTML, speedscope, pprof, …)",
	.examples = {{"pybpfprof convert rec.pybpf -o out.html -o out.prof", "as a page, and for pstats"},
		     {"pybpfprof convert rec.pybpf -o - -f folded | grep mymodule", "as lines, to search"}},
	.argp = &argp,
	.as_invoker = true,
	.run = run,
};
