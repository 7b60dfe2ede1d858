/* SPDX-License-Identifier: MIT */
/* Who waits for a task, as far as the objects tell. */
#pragma once
#include "user/python/awaitables.h"
#include "user/python/tasks.h"

/*
 * Fills in awaited_by. From 3.14 on futures know who waits for them; before, what is to be called once the task is done
 * leads there.
 */
void task_find_awaiters(struct awaitables *a, struct py_task *t);
