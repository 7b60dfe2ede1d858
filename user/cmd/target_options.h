/* SPDX-License-Identifier: MIT */
/* The options that choose what is profiled and how it is sampled, shared by every command that samples. */
#pragma once
#include "user/session/session.h"
#include <argp.h>

struct target_options {
	uint32_t *pids;
	size_t pid_cnt;
	const char **cgroups, **containers;
	size_t cgroup_cnt, container_cnt;
	bool all, subprocesses, scoped, no_task_work, old_kernel;
	bool native, native_all, no_kernel;
	const char *btf;
	char **command;                              /* NULL: none */
	const struct source *events[ABI_SOURCE_CNT]; /* none: the usual one */
	size_t event_cnt;
	bool wall; /* they were chosen together: they are first shown so */
	double rate_hz;
	uint64_t max_frames, max_processes, max_code;
	char *text;       /* "pid 42", "cgroup /a", "the whole host", "python3 app.py"; NULL when nothing was chosen */
	bool reads_files; /* set by the parent's parser: it has --input, too */
	double default_rate_hz; /* set by the parent's parser, or before: without --rate; 0: 100 */
	bool optional;          /* set by the parent's parser: that nothing is chosen is no mistake */
};

/*
 * An argp child; its input is a `struct target_options *` that starts zeroed. The command that uses it
 * parses with ARGP_IN_ORDER, so that options behind the first word belong to the profiled command.
 * ARGP_KEY_END of a child comes before its parent's.
 */
extern const struct argp target_options;

/* Is what is profiled told by the cgroups that processes are in? */
static inline bool target_options__by_cgroup(const struct target_options *o)
{
	return o->cgroup_cnt || o->container_cnt;
}

void target_options__fill(const struct target_options *o, struct session_options *s);
/* The same as `text` for a file name: the pid, the last part of the cgroup's path, the command. Caller frees. */
char *target_options__file_text(const struct target_options *o);
/* Does a word by itself mean processes? "42,43". */
bool target_is_pids(const char *word);
/* The value of --pid: adds its process ids to `*pids` (the caller frees it), or ends the program as a usage error. */
void target_parse_pids(struct argp_state *state, const char *arg, uint32_t **pids, size_t *cnt);
/* The value of --container: adds it to `*containers` (the caller frees the list). */
void target_parse_container(struct argp_state *state, const char *arg, const char ***containers, size_t *cnt);
void target_options__free(struct target_options *o);
/* A length of time in ns, more than 0, or the program ends so. */
uint64_t target_parse_time(struct argp_state *state, const char *option, const char *arg);
/* The value of --duration: the same; 0: `unlimited`, as py-spy has it. */
uint64_t target_parse_duration(struct argp_state *state, const char *arg);
