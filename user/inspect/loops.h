/* SPDX-License-Identifier: MIT */
/* The event loops of asyncio and their tasks. */
#pragma once
#include "user/inspect/stack.h"

/* Once the threads are read. What cannot be read is not there. */
void loops_read(struct inspection *s, struct stack_reader *r, const struct py_tstates *threads);
void loops_free(struct inspection *s);
