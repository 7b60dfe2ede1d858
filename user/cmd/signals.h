/* SPDX-License-Identifier: MIT */
/* Signals through a signalfd, so that a command's loop takes them at a known place. */
#pragma once
#include <signal.h>
#include <stdbool.h>

/*
 * Blocks SIGINT, SIGTERM, SIGHUP unless it is ignored, and the further `numbers` (0-terminated); ignores SIGPIPE and
 * SIGXFSZ. A signalfd, or negative errno.
 */
int signals_open(const int *numbers);
/* Those that were blocked before. */
const sigset_t *signals_before(void);
/*
 * While we start and have nothing to lose: until signals_hold() one of those that end us does so at once, wherever we
 * are, after `last`, which may only do what a signal handler may.
 */
void signals_let_end(void (*last)(void));
void signals_hold(void);
/* What we write to a terminal from its background does not stop us, whatever its `stty tostop` says. */
void signals_write_anyway(void);
