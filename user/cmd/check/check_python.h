/*
 * One Python that a target runs: in the list by its pid with its command, where its interpreter is,
 * and why it can or cannot be walked.
 */
#pragma once
#include "user/cmd/check/check_list.h"
#include "user/python/build.h"
#include <sys/types.h>

struct check_python {
	pid_t pid, inner_pid; /* 0: of a program that does not run; the same as here */
	char *command, *cgroup, *interpreter, *version;
	char *why_not; /* NULL: can be walked */
	const char *remedy;
	bool deleted; /* the file was replaced since; what is mapped is still there */
};

/* All but pids, command and cgroup, which are the caller's to fill in. `holder`: the interpreter's
 * file. */
void check_python__init(struct check_python *p, const char *holder, const struct py_build *build);
/* Adds its item; the status stays CMD_OK. */
struct check_item *check_python__show(const struct check_python *p, struct check_list *l);
void check_python__put(const struct check_python *p, struct json_put *j);
void check_python__clear(struct check_python *p);
