/* SPDX-License-Identifier: MIT */
/* Finds out whether a thread ran while it was being read, without stopping it. */
#pragma once
#include "user/os/tasks.h"

/* One reading: what is known of the thread at its start. */
struct stable_read {
	pid_t pid, tid;
	bool at_rest; /* the thread was not running at the start */
	uint64_t switches;
	struct task_state state;
	struct task_call call;
};

/* 0, or -ESRCH when the thread has ended. */
int stable_read_begin(struct stable_read *r, pid_t pid, pid_t tid);
/* True when the thread has not run since stable_read_begin(): all that was read meanwhile is of one moment. */
bool stable_read_end(const struct stable_read *r);
/* Lets the thread go on for a moment, before the next try. */
void stable_read_pause(unsigned tries);
