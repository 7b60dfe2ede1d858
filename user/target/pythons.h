/* SPDX-License-Identifier: MIT */
/*
 * Processes that look like Python, found cheaply and without privileges: by the name of the program or of a library it
 * has mapped. For suggestions only; interpreters.h finds the interpreters for sure.
 */
#pragma once
#include <stddef.h>
#include <sys/types.h>

struct python_process {
	pid_t pid;
	char *command; /* argv joined by blanks, clean */
};

struct pythons {
	struct python_process *items; /* by pid */
	size_t cnt, cap;
};

/* All that can be seen from here but ourselves. */
void pythons__find(struct pythons *t);
void pythons__free(struct pythons *t);
