/* SPDX-License-Identifier: MIT */
/* Which modules of a process were compiled from Python code, and by what: such functions are no interpreted ones. */
#pragma once
#include <stddef.h>
#include <sys/types.h>

struct compiled_modules {
	const char *compiler;
	const char *seen; /* how its functions are seen */
	size_t cnt;
	char *example; /* the file of one of them, without its folder */
};

/* A row for each compiler that some have come of; at most `max`, the number of them. */
size_t compiled_modules(pid_t pid, struct compiled_modules *found, size_t max);
void compiled_modules_clear(struct compiled_modules *found, size_t cnt);
