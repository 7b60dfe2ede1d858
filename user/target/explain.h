/* SPDX-License-Identifier: MIT */
/* Why a process that was chosen cannot be profiled: what it is, in words for people. */
#pragma once
#include "user/util/log.h"
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct explanation {
	char *what;         /* "it is a kernel thread" */
	const char *remedy; /* "" where nothing helps */
};

/* No interpreter was found in it; false when there is no such process (any more). */
bool explain_no_python(pid_t pid, struct explanation *out);
/* Says it; some of its children may hold Python. */
void explain_complain(enum log_level level, pid_t pid, size_t python_children);
/* The kernel does not let us look into it. */
void explain_no_access(struct explanation *out);
void explanation_clear(struct explanation *e);
