/* The value of --pid: numbers; a name gets the numbers of the processes that it may have meant. */
#pragma once
#include <argp.h>
#include <stddef.h>
#include <stdint.h>

/* Adds the process ids of `arg` to `*pids` (the caller frees it), or ends the program as a usage
 * error. */
void pids_parse(struct argp_state *state, const char *arg, uint32_t **pids, size_t *cnt);
