/* SPDX-License-Identifier: MIT */
#include "user/cmd/daemon/reload.h"
#include "user/cmd/daemon/daemon_options.h"
#include "user/cmd/daemon/delivery.h"
#include "user/util/log.h"
#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int try(int argc, char **argv)
{
	struct daemon_options o;
	struct delivery delivery;
	int err = daemon_options__parse(&o, argc, argv);

	if (err)
		return err;
	for (size_t i = 0; i < o.push.cnt; i++)
		o.push.destinations[i].spool = NULL; /* what waits there is not ours to send */
	return delivery__open(&delivery, &o.push);
}

bool reload_is_sound(int argc, char **argv)
{
	pid_t child = fork();
	int status;

	if (!child)
		_exit(try(argc, argv));
	if (child < 0) {
		log_error("cannot start a process to look at the configuration: %s", strerror(errno));
		return false;
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return !status;
}
