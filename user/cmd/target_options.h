/* The options that choose what is profiled and how it is sampled, shared by every command that samples. */
#pragma once
#include "user/session/session.h"
#include <argp.h>

struct target_options {
	uint32_t *pids;
	size_t pid_cnt;
	const char **cgroups;
	size_t cgroup_cnt;
	bool all, subprocesses, scoped, no_task_work;
	char **command; /* NULL: none */
	double rate_hz;
	uint64_t max_frames;
	char *text; /* "pid 42", "cgroup /a", "the whole host", "python3 app.py"; NULL when nothing was chosen */
	bool reads_files; /* set by the parent's parser: it has --input, too */
	bool optional; /* set by the parent's parser: that nothing is chosen is no mistake */
};

/*
 * An argp child; its input is a `struct target_options *` that starts zeroed. The command that uses it
 * parses with ARGP_IN_ORDER, so that options behind the first word belong to the profiled command.
 * ARGP_KEY_END of a child comes before its parent's.
 */
extern const struct argp target_options;

void target_options__fill(const struct target_options *o, struct session_options *s);
/* The same as `text` for a file name: the pid, the last part of the cgroup's path, the command. Caller frees. */
char *target_options__file_text(const struct target_options *o);
void target_options__free(struct target_options *o);
