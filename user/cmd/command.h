/* SPDX-License-Identifier: MIT */
/* The command that is profiled from its start: held back until everything is attached, ended with us. */
#pragma once
#include "user/cmd/target_options.h"
#include "user/os/child.h"

struct signalfd_siginfo;

struct command {
	struct child child;
	char **argv; /* NULL: nothing was started */
	bool ended;  /* set by the caller, who watches command__fd */
};

/*
 * Starts it, if one was given, holds it where its Python begins, before anything of it has run (user/os/loading.h), and makes
 * it the only pid of the target. `stdio` as in child_start. 0, or the exit status (said): that of a shell when there is
 * no such command.
 */
int command__start(struct command *c, struct target_options *o, const int *stdio);
/* Lets it run. 0 or the exit status, as above. */
int command__go(struct command *c);
/* Readable when it has ended; -1 without a command. */
int command__fd(const struct command *c);
/*
 * A signal that was sent to us alone goes on to the command; what a terminal sends reaches it anyway.
 * Legal without a command.
 */
void command__pass_on(const struct command *c, const struct signalfd_siginfo *info);
/*
 * Its exit status. One that was told to stop (`stopped`) gets some time for it, and `otherwise` is given when
 * it does not end; any other is waited for.
 */
int command__status(struct command *c, bool stopped, int otherwise);
