/* SPDX-License-Identifier: MIT */
/* All threads of a process that have a Python thread state, with names, states and stacks. */
#pragma once
#include "user/inspect/stack.h"

/*
 * Fills in the threads of the inspection. 0, or negative errno: -EPERM, -ESRCH (the process has ended), -ENODATA (the
 * interpreter is not there to be read; said to the user).
 */
int threads_read(struct inspection *s, struct stack_reader *r, uint64_t runtime_addr);
