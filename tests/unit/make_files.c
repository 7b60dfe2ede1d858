/* SPDX-License-Identifier: MIT */
/*
 * Writes a made-up profile into files, for tests/live/test_formats.py:
 *     make_files [processes=3] [threads=2] [stacks=90] [depth=40] [name=TEXT] [command=TEXT] [mixed=1] FILE…
 * mixed=1: that of three types, all kinds, tasks and labels (mixed_profile.h). Each file gets the format that its extension names.
 */
#include "tests/unit/make_profile.h"
#include "tests/unit/mixed_profile.h"
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

static int write_file(const struct profile *p, const char *path)
{
	const struct format *format = format_by_suffix(path);
	const struct view v = {0};
	FILE *out = fopen(path, "w");
	int err = !out || !format ? -1 : format->write(p, &v, out);

	if (err)
		fprintf(stderr, "%s: not written\n", path);
	return (out && fclose(out)) || err;
}

int main(int argc, char **argv)
{
	const struct make_options o = {
		.processes = (unsigned)atoi(setting(argv, "processes", "3")),
		.threads = (unsigned)atoi(setting(argv, "threads", "2")),
		.stacks = (unsigned)atoi(setting(argv, "stacks", "90")),
		.depth = (unsigned)atoi(setting(argv, "depth", "40")),
		.extra_name = setting(argv, "name", NULL),
		.command = setting(argv, "command", NULL),
		.losses = true,
	};
	struct profile *p = setting(argv, "mixed", NULL) ? mixed_profile() : make_profile(&o);
	int err = 0;

	for (int i = 1; i < argc; i++)
		if (!strchr(argv[i], '='))
			err |= write_file(p, argv[i]);
	profile__free(p);
	return err ? 1 : 0;
}
