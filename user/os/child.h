/* Starting the command to profile: as the invoking user, held back until everything is attached. */
#pragma once
#include <signal.h>
#include <sys/types.h>

struct child {
	pid_t pid;
	int pidfd;
	int go; /* pipe: the command starts when a byte is written or it is closed */
};

/*
 * Forks; the child waits. Under sudo it drops to the invoking user, groups included. `stdio`: what it has as
 * file descriptors 0 to 2; NULL: ours. `mask`: signals that it has blocked. 0 or negative errno.
 */
int child_start(char **argv, const int *stdio, const sigset_t *mask, struct child *out);
/* Lets the command start; 0, or the negative errno that its exec failed with. */
int child_go(struct child *c);
/* Waits for it; its exit status as a shell has it (128 + signal). */
int child_wait(struct child *c);
/*
 * In a child: under sudo, become who typed the command, groups and HOME included; else nothing. 0 or
 * negative errno.
 */
int child_drop_to_invoking_user(void);
