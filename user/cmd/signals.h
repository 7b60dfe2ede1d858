/* Signals as readable data, taken at a known place of a command's loop. */
#pragma once

/*
 * Blocks SIGINT, SIGTERM, SIGHUP and the further `numbers` (0-terminated), ignores what a closed pipe and
 * a full quota send. A signalfd, or negative errno.
 */
int signals_open(const int *numbers);
