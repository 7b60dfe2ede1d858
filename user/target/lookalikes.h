/* For a process that is not there: what was probably meant, in a sentence. */
#pragma once
#include <sys/types.h>

/* "its number inside its container; …" or "Python runs in 42 (…)"; never NULL, "" when nothing is
 * near. Caller frees. */
char *lookalikes_of_pid(pid_t pid);
/* Logs that there is no such process, with that sentence. */
void lookalikes_complain(pid_t pid);
/* For a name given instead of a number. */
char *lookalikes_of_name(const char *name);
/* For a cgroup that is not there: groups whose last part is near the one of `path`. */
char *lookalikes_of_cgroup(const char *path);
