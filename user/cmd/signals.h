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
