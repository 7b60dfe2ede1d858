/* `convert`: a recording, or our JSON, into any of the formats. Needs neither root nor BPF. */
#include "user/cmd/cmd.h"
#include "user/cmd/input.h"
#include "user/cmd/outputs.h"
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
			argp_error(state, "write what? Give -o FILE, for example -o out.svg");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {{&input_options, 0, NULL, 0},
					     {&outputs_options, 0, NULL, 0},
					     {&view_options, 0, NULL, 0},
					     {0}};

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
	struct profile *p = NULL;
	int status;

	argp_parse(&argp, argc, argv, 0, NULL, &a);
	outputs__die_cleanly();
	status = outputs__check(&a.outputs);
	if (!status && format_read(a.input, &p))
		status = CMD_FAILED;
	if (!status && outputs__write(&a.outputs, p, &a.view))
		status = CMD_FAILED;
	if (isatty(STDERR_FILENO)) /* for people; scripts know what they asked for */
		outputs__report(&a.outputs);
	if (!status)
		outputs__open(&a.outputs);
	profile__free(p);
	outputs__free(&a.outputs);
	return status;
}

const struct cmd cmd_convert = {
	.name = "convert",
	.args = "-i RECORDING -o FILE",
	.summary = "a recording into other formats (SVG, HTML, speedscope, pprof, …)",
	.argp = &argp,
	.run = run,
};
