/* SPDX-License-Identifier: MIT */
/*
 * What a leaf frame says of a thread that does not run: sources put it on the stack by these names. A wait for something
 * is told apart from one that nothing waits for: a pool's thread without work, an event loop with nothing to do.
 */
#pragma once
#include "user/profile/profile.h"

enum wait {
	WAIT_NONE, /* it ran */
	WAIT_GIL,
	WAIT_BLOCKED,   /* by a lock, a socket, a disk, … */
	WAIT_SCHEDULER, /* it could have run, and was not let */
	WAIT_IDLE,
	WAIT_KINDS
};

enum wait wait__of(const struct profile_function *f);
/* Of the leaf of a stack; a wait for the GIL may have its holder above it. Ids may be dangling. */
enum wait wait__of_stack(const struct profile *p, uint32_t stack);
/* A number per cause, the same in every profile, from 0 to below WAIT_CAUSES: for colours. */
#define WAIT_CAUSES 12
unsigned wait__number(const struct profile_function *f);
enum wait wait__of_number(unsigned number);
/* What a legend calls it: "sleep". */
const char *wait__words(unsigned number);
/* "[held by worker in compute (app.py)]", "[changing hands]": the leaf of a wait for the GIL. */
bool wait__is_holder(const struct profile_function *f);
/* The frame that marks the collector at work. */
bool wait__is_collector(const struct profile_function *f);
/* Has it idle waits? */
bool wait__has_idle(const struct profile *p);
