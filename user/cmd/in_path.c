/* SPDX-License-Identifier: MIT */
#include "user/cmd/in_path.h"
#include "user/util/alloc.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_program(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode) && !access(path, X_OK);
}

char *in_path_find(const char *name)
{
	const char *path = getenv("PATH");
	__cleanup_free char *copy = xstrdup(path ? path : "/usr/bin:/bin");
	char *save = NULL;

	if (strchr(name, '/'))
		return is_program(name) ? xstrdup(name) : NULL;
	for (char *dir = strtok_r(copy, ":", &save); dir; dir = strtok_r(NULL, ":", &save)) {
		char *full = xasprintf("%s/%s", dir, name);

		if (is_program(full))
			return full;
		free(full);
	}
	return NULL;
}
