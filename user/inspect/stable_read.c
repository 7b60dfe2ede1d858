/* SPDX-License-Identifier: MIT */
/*
 * A stack is only changed by its own thread, so what was read while the thread did not run is of one moment, however
 * long the reading took. The kernel counts how often a thread leaves its CPU, and answers
 * /proc/PID/task/TID/syscall for one that sleeps or is stopped only after it has seen it off the CPU. Off the CPU at
 * both ends and two equal counts prove that it did not run in between. A thread that runs all the time cannot be read
 * like that: what several walks find is the best that can be had of it (stack.c).
 */
#include "user/inspect/stable_read.h"
#include <time.h>

#define SHORT_REST_US 200

int stable_read_begin(struct stable_read *r, pid_t pid, pid_t tid)
{
	int err;

	*r = (struct stable_read){.pid = pid, .tid = tid};
	err = task_switches(pid, tid, &r->switches);
	if (!err)
		err = task_state(pid, tid, &r->state);
	if (!err)
		r->at_rest = !task_call(pid, tid, &r->call) && r->call.off_cpu;
	return err;
}

bool stable_read_end(const struct stable_read *r)
{
	struct task_call now;
	uint64_t switches;

	return r->at_rest && !task_call(r->pid, r->tid, &now) && now.off_cpu &&
	       !task_switches(r->pid, r->tid, &switches) && switches == r->switches;
}

void stable_read_pause(unsigned tries)
{
	nanosleep(&(struct timespec){.tv_nsec = SHORT_REST_US * 1000L * (tries < 20 ? 1 + (long)tries : 20)}, NULL);
}
