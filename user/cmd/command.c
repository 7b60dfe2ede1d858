/* SPDX-License-Identifier: MIT */
#include "user/cmd/command.h"
#include "user/cmd/signals.h"
#include "user/target/interpreters.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>

#define STOP_WAIT_MS 5000 /* for a command that was told to stop */

/* A script, or an option of the interpreter's such as -m. */
static bool is_for_python(const char *word)
{
	size_t len = strlen(word);

	return *word == '-' || (len > 3 && !strcmp(word + len - 3, ".py"));
}

/* sudo has a PATH of its own (secure_path), so what the user can start may not be found here. */
static void explain(const char *program, int err)
{
	if (is_for_python(program))
		log_error("cannot run %s: %s; write the interpreter, too: -- python3 …", program, strerror(-err));
	else if (err == -ENOENT && !strchr(program, '/'))
		log_error("cannot run %s: it is in no folder of PATH%s", program,
			  getenv("SUDO_UID") ? ", which sudo has replaced by its own: give the whole path, as `command "
					       "-v` shows it without sudo"
					     : "");
	else if (err == -ENOENT && !access(program, F_OK))
		log_error("cannot run %s: the interpreter that its first line names, or the loader of its libraries, "
			  "is not there",
			  program);
	else
		log_error("cannot run %s: %s", program, strerror(-err));
}

static int failed(const struct command *c, int err)
{
	explain(c->argv[0], err);
	return err == -ENOENT ? 127 : 126;
}

int command__start(struct command *c, struct target_options *o, const int *stdio)
{
	int err;

	if (!o->command)
		return 0;
	c->argv = o->command;
	err = child_start(o->command, stdio, signals_before(), &c->child);
	if (!err)
		err = child_load(&c->child, interpreters__is_python);
	if (err)
		return failed(c, err);
	o->pids = xrealloc(o->pids, sizeof(*o->pids));
	o->pids[0] = (uint32_t)c->child.pid;
	o->pid_cnt = 1;
	return 0;
}

int command__go(struct command *c)
{
	int err = c->argv ? child_go(&c->child) : 0;

	return err ? failed(c, err) : 0;
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

int command__status(struct command *c, bool stopped, int otherwise)
{
	struct pollfd fd = {.fd = c->child.pidfd, .events = POLLIN};

	if (stopped && !c->ended && poll(&fd, 1, STOP_WAIT_MS) <= 0)
		return otherwise;
	if (!c->ended && !stopped)
		log_info("waiting for the command to end");
	return child_wait(&c->child);
}
