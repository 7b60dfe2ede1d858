#include "user/cmd/command.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>

#define STOP_WAIT_MS 5000 /* for a command that was told to stop */

int command__start(struct command *c, struct target_options *o, const int *stdio)
{
	int err;

	if (!o->command)
		return 0;
	err = child_start(o->command, stdio, &c->child);
	if (err) {
		log_error("cannot start %s: %s", o->command[0], strerror(-err));
		return err;
	}
	c->argv = o->command;
	o->pids = xrealloc(o->pids, sizeof(*o->pids));
	o->pids[0] = (uint32_t)c->child.pid;
	o->pid_cnt = 1;
	return 0;
}

int command__go(struct command *c)
{
	int err = c->argv ? child_go(&c->child) : 0;

	if (!err)
		return 0;
	log_error("cannot run %s: %s", c->argv[0], strerror(-err));
	return err == -ENOENT ? 127 : 126;
}

int command__fd(const struct command *c)
{
	return c->argv ? c->child.pidfd : -1;
}

void command__pass_on(const struct command *c, const struct signalfd_siginfo *info)
{
	if (c->argv && !c->ended && info->ssi_code != SI_KERNEL)
		kill(c->child.pid, (int)info->ssi_signo);
}

int command__status(struct command *c, bool told, int otherwise)
{
	struct pollfd fd = {.fd = c->child.pidfd, .events = POLLIN};

	if (told && !c->ended && poll(&fd, 1, STOP_WAIT_MS) <= 0)
		return otherwise;
	if (!c->ended && !told)
		log_info("waiting for the command to end");
	return child_wait(&c->child);
}
