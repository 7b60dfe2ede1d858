/* SPDX-License-Identifier: MIT */
/* Suggestions for a process or a cgroup that does not exist. */
#pragma once
#include <sys/types.h>

/* Logs that there is no such process. */
void suggest_log_no_process(pid_t pid);
/* "7 is the number that process 4242 (…) has inside its container: give 4242"; NULL: none has it. Caller frees. */
char *suggest_for_pid(pid_t pid);
/* A sentence for a name given instead of a number. Caller frees. */
char *suggest_for_name(const char *name);
/* "Near it: PATH", the cgroup whose last part is most like that of `path`; NULL when none is. Caller frees. */
char *suggest_for_cgroup(const char *path);
