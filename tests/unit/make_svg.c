/* SPDX-License-Identifier: MIT */
/*
 * Writes a made-up profile to stdout, as a flame graph or in another format, for
 * tests/live/test_svg.py: make_svg [processes=4] [threads=3] [stacks=170] [depth=30] [name=TEXT]
 * [command=TEXT] [title=TEXT] [view=i|t|F|g|m|w…] [losses=1] [server=0] [format=svg]; with waiting=1 the one of
 * waiting_profile.h.
 */
#include "tests/unit/make_profile.h"
#include "tests/unit/waiting_profile.h"
#include "user/format/format.h"
#include <stdlib.h>

static const char *setting(char **args, const char *name, const char *otherwise)
{
	size_t len = strlen(name);

	for (; *args; args++)
		if (!strncmp(*args, name, len) && (*args)[len] == '=')
			return *args + len + 1;
	return otherwise;
}

int main(int argc, char **argv)
{
	const struct make_options o = {
		.processes = (unsigned)atoi(setting(argv, "processes", "4")),
		.threads = (unsigned)atoi(setting(argv, "threads", "3")),
		.stacks = (unsigned)atoi(setting(argv, "stacks", "170")),
		.depth = (unsigned)atoi(setting(argv, "depth", "30")),
		.extra_name = setting(argv, "name", NULL),
		.command = setting(argv, "command", NULL),
		.losses = atoi(setting(argv, "losses", "1")),
		.server = (unsigned)atoi(setting(argv, "server", "0")),
	};
	const char *letters = setting(argv, "view", "");
	const struct view v = {
		.threads = strchr(letters, 't'),
		.by_function = strchr(letters, 'F'),
		.gil_only = strchr(letters, 'g'),
		.icicle = strchr(letters, 'i'),
		.merge_processes = strchr(letters, 'm'),
		.whole = strchr(letters, 'w'),
		.title = setting(argv, "title", NULL),
	};
	struct profile *p = atoi(setting(argv, "waiting", "0")) ? waiting_profile(WAITING_ROWS) : make_profile(&o);
	const struct format *format = format_by_name(setting(argv, "format", "svg"));
	int err = argc && format ? format->write(p, &v, stdout) : -1;

	profile__free(p);
	return err || fflush(stdout) ? 1 : 0;
}
