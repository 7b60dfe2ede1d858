/* SPDX-License-Identifier: MIT */
/* A folder of the test's own, made and removed by the group: everybody may look into it. */
#pragma once
#include "user/util/alloc.h"
#include <stdlib.h>
#include <sys/stat.h>

static char folder[] = "/tmp/pybpfprof-XXXXXX";

static inline int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) && !chmod(folder, 0755) ? 0 : -1;
}

static inline int remove_folder(void **state)
{
	__cleanup_free char *command = xasprintf("rm -rf '%s'", folder);

	(void)state;
	return system(command);
}
