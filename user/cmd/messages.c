/* SPDX-License-Identifier: MIT */
#include "user/cmd/messages.h"
#include "user/util/log.h"
#include <stdbool.h>

static const struct argp_option options[] = {
	{"quiet", 'q', NULL, 0, "Only warnings and errors", 30},
	{"verbose", 'v', NULL, 0, "More messages; twice: for debugging", 30},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	bool *quiet = state->input;

	(void)arg;
	switch (key) {
	case 'q':
		log_set_level(LOG_WARN);
		if (quiet)
			*quiet = true;
		return 0;
	case 'v':
		log_say_more();
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp messages_options = {.options = options, .parser = parse};
