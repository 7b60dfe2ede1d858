/* SPDX-License-Identifier: MIT */
#include "user/cmd/signals.h"
#include "user/util/log.h"
#include <errno.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

static sigset_t before, enders;
static void (*last_act)(void);
static pid_t self;

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

	sigemptyset(&enders);
	/* also where a script's shell ignores it: kill -INT is how such a recording is ended */
	sigaddset(&enders, SIGINT);
	sigaddset(&enders, SIGTERM);
	if (!is_ignored(SIGHUP)) /* as by nohup; once it is blocked, the kernel queues even what is ignored */
		sigaddset(&enders, SIGHUP);
	set = enders;
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

static void end_us(int number)
{
	sigset_t one;

	if (getpid() == self) /* a child has this handler until it has one of its own */
		last_act();
	signal(number, SIG_DFL);
	sigemptyset(&one);
	sigaddset(&one, number);
	sigprocmask(SIG_UNBLOCK, &one, NULL);
	raise(number);
}

void signals_let_end(void (*last)(void))
{
	struct sigaction action = {.sa_handler = end_us, .sa_mask = enders};
	sigset_t now;

	last_act = last;
	self = getpid();
	sigemptyset(&now);
	for (int number = 1; number < NSIG; number++) {
		/* a command that is started meanwhile must find it ignored, too: that one is seen when we have started */
		if (sigismember(&enders, number) != 1 || is_ignored(number))
			continue;
		sigaction(number, &action, NULL);
		sigaddset(&now, number);
	}
	sigprocmask(SIG_UNBLOCK, &now, NULL);
}

void signals_hold(void)
{
	sigprocmask(SIG_BLOCK, &enders, NULL);
}

void signals_write_anyway(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTTOU);
	sigprocmask(SIG_BLOCK, &set, NULL);
}
