/* Every thread that Python knows in a process: which there are, who they are, what they do. */
#pragma once
#include "user/snapshot/stack.h"

/*
 * Fills in the threads of the snapshot. 0, or negative errno: -EPERM, -ESRCH (the process has ended), -ENODATA (the
 * interpreter is not there to be read; said to the user).
 */
int threads_read(struct snapshot *s, struct stack_reader *r, uint64_t runtime_addr);
