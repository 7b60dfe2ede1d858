/* SPDX-License-Identifier: MIT */
/* Asks a daemon of this machine, where it listens (serve.h). */
#pragma once
#include "user/util/buf.h"

/*
 * What it answers to GET `path` within `ms`: the status, and the body in `body`, which is the caller's to clear. Negative errno:
 * nobody answered, which was said.
 */
int serve_ask(const char *where, const char *path, int ms, struct buf *body);
