/* SPDX-License-Identifier: MIT */
/* The threads of a process that do not run, with their stacks: what no event tells of as sampling ends. */
#pragma once
#include "user/session/session.h"

/* A session_look_fn. */
void sleepers_read(pid_t pid, void (*fn)(void *ctx, const struct session_thread *t), void *ctx);
