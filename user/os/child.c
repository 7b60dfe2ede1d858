/* SPDX-License-Identifier: MIT */
#include "user/os/child.h"
#include "user/util/alloc.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

int child_drop_to_invoking_user(void)
{
	const char *uid_text = getenv("SUDO_UID"), *gid_text = getenv("SUDO_GID");
	const struct passwd *pw;
	uid_t uid;
	gid_t gid;

	if (geteuid() != 0 || !uid_text || !gid_text)
		return 0;
	uid = (uid_t)strtoul(uid_text, NULL, 10);
	gid = (gid_t)strtoul(gid_text, NULL, 10);
	pw = getpwuid(uid);
	if (pw ? initgroups(pw->pw_name, gid) : setgroups(0, NULL))
		return -errno;
	if (setgid(gid) || setuid(uid))
		return -errno;
	if (pw) {
		setenv("HOME", pw->pw_dir, 1);
		setenv("USER", pw->pw_name, 1);
		setenv("LOGNAME", pw->pw_name, 1);
	}
	unsetenv("SUDO_UID");
	unsetenv("SUDO_GID");
	unsetenv("SUDO_USER");
	unsetenv("SUDO_COMMAND");
	return 0;
}

/* In the child: wait for the go, become the command; on failure tell why through the pipe. */
static void run_command(char **argv, const sigset_t *mask, int go)
{
	char byte;
	int err;

	if (read(go, &byte, 1) != 1)
		_exit(125); /* the profiler gave up before starting it */
	err = child_drop_to_invoking_user();
	if (!err) {
		sigprocmask(SIG_SETMASK, mask, NULL);
		execvp(argv[0], argv);
		err = -errno;
	}
	if (write(go, &err, sizeof(err)) < 0)
		_exit(126);
	_exit(err == -ENOENT ? 127 : 126);
}

/* All three at once: one may be where another has to go. */
static void install_stdio(const int *stdio)
{
	int copies[3];

	for (int i = 0; i < 3; i++)
		copies[i] = fcntl(stdio[i], F_DUPFD_CLOEXEC, 3);
	for (int i = 0; i < 3; i++)
		if (copies[i] < 0 || dup2(copies[i], i) < 0)
			_exit(125);
}

int child_start(char **argv, const int *stdio, const sigset_t *mask, struct child *out)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return -errno;
	out->pid = fork();
	if (out->pid < 0)
		return -errno;
	if (!out->pid) {
		close(ends[0]);
		if (stdio)
			install_stdio(stdio);
		run_command(argv, mask, ends[1]);
	}
	close(ends[1]);
	out->loading = (struct loading){0};
	out->go = ends[0];
	out->pidfd = (int)syscall(SYS_pidfd_open, out->pid, 0);
	return out->pidfd < 0 ? -errno : 0;
}

/* exec closes the other end: no bytes mean that it worked. */
static int exec_error(struct child *c)
{
	int err = 0;

	if (read(c->go, &err, sizeof(err)) != sizeof(err))
		err = 0;
	close(c->go);
	c->go = -1;
	return err;
}

int child_load(struct child *c, loading_fn wanted)
{
	if (!loading_begin(&c->loading, c->pid))
		return 0;
	if (write(c->go, "g", 1) != 1)
		return -errno;
	if (!loading_run(&c->loading, wanted))
		c->loading.pid = 0;
	return exec_error(c);
}

int child_go(struct child *c)
{
	if (c->go < 0) {
		loading_end(&c->loading);
		return 0;
	}
	if (write(c->go, "g", 1) != 1)
		return -errno;
	return exec_error(c);
}

int child_wait(struct child *c)
{
	int status = 0;

	while (waitpid(c->pid, &status, 0) < 0)
		if (errno != EINTR)
			return 1;
	if (c->pidfd >= 0)
		close(c->pidfd);
	c->pidfd = -1;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
