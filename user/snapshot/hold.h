/*
 * Did a thread hold still while it was being looked at? Nothing is stopped for it: see hold.c for how that can be
 * known all the same.
 */
#pragma once
#include "user/os/tasks.h"
#include <sched.h>

struct hold {
	pid_t pid;
	cpu_set_t own_cpus; /* what this process may run on; restored at the end */
	bool pinned, cannot_pin;
};

/* One look: what is known of the thread at its start. */
struct hold_look {
	pid_t tid;
	bool at_rest; /* the thread was not running at the start */
	struct task_turns turns;
	struct task_state state;
	struct task_call call;
};

void hold_open(struct hold *h, pid_t pid);
void hold_close(struct hold *h);

/* Begins a look. 0, or -ESRCH when the thread has ended. */
int hold_begin(struct hold *h, pid_t tid, struct hold_look *look);
/* True when the thread has not run since hold_begin(): all that was read meanwhile is of one moment. */
bool hold_end(const struct hold *h, const struct hold_look *look);
/* Lets the thread go on for a moment, before the next try. */
void hold_rest(struct hold *h, unsigned tries);
