/* SPDX-License-Identifier: MIT */
/* Who waits for whom. */
#pragma once
#include "user/inspect/inspect.h"

/*
 * Once all threads are read: finds those who hold what others wait for, and the circles of threads that wait for each
 * other.
 */
void waits_find(struct inspection *s);
