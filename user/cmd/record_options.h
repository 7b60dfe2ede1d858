/* What `record` was asked to do, checked as far as it can be without privileges. */
#pragma once
#include "user/cmd/outputs.h"
#include "user/profile/view.h"
#include <stdbool.h>
#include <stdint.h>

struct record_options {
	uint32_t *pids;
	size_t pid_cnt;
	const char **cgroups;
	size_t cgroup_cnt;
	bool all, subprocesses, scoped, quiet, verbose, no_task_work;
	char **command; /* NULL: none */
	double rate_hz;
	uint64_t duration_ns; /* 0: until stopped */
	uint64_t max_frames;
	double max_loss; /* percent; negative: not given */
	struct outputs outputs;
	char *default_paths[2];
	struct view view;
	char *target_text; /* "pid 42", "cgroup /a", "all", the command */
};

extern const struct argp record_argp;

/* Parses and checks; ends the program with usage messages like every command. 0 or enum cmd_exit. */
int record_options__parse(struct record_options *o, int argc, char **argv);
void record_options__free(struct record_options *o);
