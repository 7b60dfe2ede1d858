/* SPDX-License-Identifier: MIT */
/* Starting the command to profile: as the invoking user, held back until everything is attached. */
#pragma once
#include "user/os/loading.h"
#include <signal.h>
#include <sys/types.h>

struct child {
	pid_t pid;
	int pidfd;
	struct loading loading;
	int go; /* pipe: the command starts when a byte is written or it is closed */
};

/*
 * Forks; the child waits. Under sudo it drops to the invoking user, groups included. `stdio`: what it has as
 * file descriptors 0 to 2; NULL: ours. `mask`: signals that it has blocked. 0 or negative errno.
 */
int child_start(char **argv, const int *stdio, const sigset_t *mask, struct child *out);
/*
 * Starts it as far as loading_run() does. 0, or the negative errno that its exec failed with. Where it cannot be traced
 * it is still to be started.
 */
int child_load(struct child *c, loading_fn wanted);
/* Lets the command start, or go on; 0, or the negative errno that its exec failed with. */
int child_go(struct child *c);
/* Waits for it; its exit status as a shell has it (128 + signal). */
int child_wait(struct child *c);
/* In a child: under sudo, become who typed the command, groups and HOME included; else nothing. 0 or negative errno. */
int child_drop_to_invoking_user(void);
