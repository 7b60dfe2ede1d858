/* SPDX-License-Identifier: MIT */
/*
 * Waits that are not over when sampling ends, and those that began before it: no event tells of them, so the threads are
 * looked at once. A thread whose switches the kernel counts as many as at its last one still waits the same wait.
 */
#pragma once
#include "user/session/events.h"
#include "user/session/session.h"

struct asleep_options {
	session_look_fn look; /* NULL: nobody can; then they are lost */
	const struct processes *processes;
	uint64_t now_ns; /* the kernel side's CLOCK_MONOTONIC */
};

/* After events__start(): from when on they wait is when that was. */
void asleep_note(struct events *e, const struct processes *processes, uint64_t start_ns);
/* After events__stop(). The number of samples that the resolver was given. */
uint64_t asleep_tell(struct events *e, struct resolve *r, const struct asleep_options *o);
