/* SPDX-License-Identifier: MIT */
/*
 * What the program makes of files. Usage: identify_dump FILE…; a line each, fields separated by
 * tabs: "absent" (no interpreter), "supported" or "refused"; version; PY_VERSION_HEX; why it is
 * refused.
 */
#include "user/python/build.h"
#include "user/util/alloc.h"
#include <fcntl.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		__cleanup_close int fd = open(argv[i], O_RDONLY | O_CLOEXEC);
		struct py_build build;
		int err = py_build_identify(fd, argv[i], &build);

		printf("%s\t%s\t%08x\t%s\n",
		       err               ? "absent"
		       : build.supported ? "supported"
					 : "refused",
		       build.version, build.version_hex, build.why_not);
	}
	return 0;
}
