/* SPDX-License-Identifier: MIT */
/* The recording or JSON that a command reads: `-i FILE`, or FILE alone. */
#include "user/cmd/input.h"
#include "user/cmd/cmd.h"
#include <stddef.h>

static const struct argp_option options[] = {
	{"input", 'i', "FILE", 0, "Read FILE: a recording (.pybpf) or this program's JSON", 1},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	const char **path = state->input;

	switch (key) {
	case 'i':
	case ARGP_KEY_ARG:
		if (*path)
			argp_error(state, "one input at a time: %s or %s", *path, arg);
		*path = arg;
		return 0;
	case ARGP_KEY_END:
		if (!*path)
			argp_error(state, "no recording: give its name, for example rec.pybpf");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp input_options = {.options = options, .parser = parse};

int input__convert(const char *input, struct outputs *o, const struct view *v, bool says)
{
	struct profile *p = NULL;
	int status = outputs__check(o);

	if (status)
		return status;
	if (format_read(input, &p))
		return CMD_FAILED;
	if (outputs__write(o, p, v))
		status = CMD_FAILED;
	if (says)
		outputs__report(o);
	if (!status)
		outputs__open(o);
	profile__free(p);
	return status;
}
