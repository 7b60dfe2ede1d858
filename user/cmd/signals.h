/* Signals as readable data, taken at a known place of a command's loop. */
#pragma once
#include <signal.h>
#include <stdbool.h>

/*
 * Blocks SIGINT, SIGTERM, SIGHUP unless it is ignored, and the further `numbers` (0-terminated); takes no harm from what a
 * closed pipe and a full quota send. A signalfd, or negative errno.
 */
int signals_open(const int *numbers);
/* Those that were blocked before. */
const sigset_t *signals_before(void);
