#include "user/cmd/signals.h"
#include "user/util/log.h"
#include <errno.h>
#include <string.h>
#include <sys/signalfd.h>

static sigset_t before;

static bool is_ignored(int number)
{
	struct sigaction now;

	return !sigaction(number, NULL, &now) && now.sa_handler == SIG_IGN;
}

static void nothing(int number)
{
	(void)number;
}

/* The write fails instead. A handler rather than SIG_IGN: exec resets it, so a command we start gets the default. */
static void survive(int number)
{
	struct sigaction action = {.sa_handler = nothing, .sa_flags = SA_RESTART};

	if (!is_ignored(number))
		sigaction(number, &action, NULL);
}

int signals_open(const int *numbers)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set,
		  SIGINT); /* also where a script's shell ignores it: kill -INT is how such a recording is ended */
	sigaddset(&set, SIGTERM);
	if (!is_ignored(SIGHUP)) /* as by nohup; once it is blocked, the kernel queues even what is ignored */
		sigaddset(&set, SIGHUP);
	for (; *numbers; numbers++)
		sigaddset(&set, *numbers);
	sigprocmask(SIG_BLOCK, &set, &before);
	survive(SIGPIPE);
	survive(SIGXFSZ);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd >= 0)
		return fd;
	log_error("cannot watch for signals: %s", strerror(errno));
	return -errno;
}

const sigset_t *signals_before(void)
{
	return &before;
}
