/* SPDX-License-Identifier: MIT */
/* `health`: is the daemon well? For those who can start this program and have no other: the image's probes. */
#include "user/cmd/cmd.h"
#include "user/cmd/messages.h"
#include "user/cmd/usage.h"
#include "user/serve/ask.h"
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>

#define PATIENCE_MS 5000

static error_t parse(int key, char *arg, struct argp_state *state)
{
	const char **where = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		if (*where)
			argp_error(state, "one daemon at a time");
		*where = arg;
		return 0;
	case ARGP_KEY_END:
		if (!*where)
			argp_error(state, "which daemon? Give it as its --listen has it: 127.0.0.1:PORT or unix:PATH");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {{&messages_options, 0, NULL, 0}, {0}};

static const struct argp argp = {
	.children = children,
	.parser = parse,
	.doc = "Ask a daemon that runs here for its health, and print what it says. The exit status is 0 where it is "
	       "well, and "
	       "1 where it is not, does not answer within 5 s, or is not there.",
};

static int run(int argc, char **argv)
{
	struct buf said = {0};
	const char *where = NULL;
	int status;

	usage_parse(&argp, argc, argv, 0, &where);
	status = serve_ask(where, "/healthz", PATIENCE_MS, &said);
	if (status > 0)
		fwrite(said.data, 1, said.len, stdout);
	free(said.data);
	return status == 200 ? CMD_OK : CMD_FAILED;
}

const struct cmd cmd_health = {
	.name = "health",
	.args = "ADDRESS:PORT | unix:PATH",
	.summary = "is the daemon well? For probes",
	.examples = {{"pybpfprof health 127.0.0.1:9100", "of a daemon that has --listen 127.0.0.1:9100"},
		     {"pybpfprof health unix:/run/pybpfprof/socket", "of one with a socket"}},
	.argp = &argp,
	.run = run,
};
