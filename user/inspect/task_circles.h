/* SPDX-License-Identifier: MIT */
/* Tasks that wait for each other. */
#pragma once
#include "user/inspect/inspect.h"

/* Once all tasks are read: numbers the circles of those that wait for each other: for ever, if nothing cancels one of them. */
void task_circles_find(struct inspection *s);
