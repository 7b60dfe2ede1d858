/* SPDX-License-Identifier: MIT */
/* Finds the file with the interpreter of a program that does not run yet. */
#pragma once
#include "user/python/build.h"

struct check_program {
	char *path;   /* of the program that would be started; NULL: there is none of that name */
	char *holder; /* of the file with the interpreter in it; NULL: none found */
	struct py_build build;
};

/* A path, a name to be found in PATH, or a script with a `#!` line. 0, -ESRCH no such program,
 * -ENOENT no Python. */
int check_program_find(const char *name, struct check_program *out);
void check_program_clear(struct check_program *p);
