/* `convert`: a recording, or our JSON, into any of the formats. Needs neither root nor BPF. */
#include "user/cmd/cmd.h"
#include "user/cmd/input.h"
#include "user/cmd/usage.h"
#include "user/cmd/view_options.h"
#include "user/util/log.h"
#include <unistd.h>

struct args {
	const char *input;
	struct outputs outputs;
	struct view view;
};

static const struct argp_option options[] = {{"quiet", 'q', NULL, 0, "Only warnings and errors", 3}, {0}};

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
	case 'q':
		log_set_level(LOG_WARN);
		return 0;
	case ARGP_KEY_END:
		if (!a->outputs.cnt)
			argp_error(state, "no output: give -o FILE, for example -o out.svg");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {
	{&input_options, 0, NULL, 0}, {&outputs_options, 0, NULL, 0}, {&view_options, 0, NULL, 0}, {0}};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "-i RECORDING -o FILE",
	.doc = "Write a recording (.pybpf) or this program's JSON in other formats.\v"
	       "For example:\n"
	       "  pybpfprof convert -i rec.pybpf -o out.svg -o out.prof\n"
	       "  pybpfprof convert -i rec.pybpf -o - -f folded | grep mymodule",
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
	.args = "-i RECORDING -o FILE",
	.summary = "a recording into other formats (SVG, HTML, speedscope, pprof, …)",
	.argp = &argp,
	.as_invoker = true,
	.run = run,
};
