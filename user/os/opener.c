/*
 * sudo leaves little of the environment that a browser needs to find its screen, so it is read from
 * where it still is: the process of the user's own (their shell) that sudo was started from.
 */
#include "user/os/opener.h"
#include "user/os/child.h"
#include "user/os/procfs.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define MAX_ANCESTORS 64
#define MAX_ENVIRON   (1 << 20)
#define PATIENCE_MS                                                                                \
	2000 /* for an opener that fails; those that work may run as long as the browser */

/* What makes a desktop session; nothing else is taken over. */
static const char *const session_variables[] = {
	"DISPLAY",
	"WAYLAND_DISPLAY",
	"XAUTHORITY",
	"XDG_RUNTIME_DIR",
	"DBUS_SESSION_BUS_ADDRESS",
	"XDG_CURRENT_DESKTOP",
	"XDG_SESSION_TYPE",
	"XDG_DATA_DIRS",
	"BROWSER",
	"LANG",
};

/* The nearest process above this one that belongs to the user; 0: none. */
static pid_t process_of_user(uid_t uid)
{
	pid_t pid = getppid();

	for (int i = 0; i < MAX_ANCESTORS && pid > 1; i++) {
		__cleanup_free char *path = xasprintf("/proc/%d", (int)pid);
		struct stat st;

		if (!stat(path, &st) && st.st_uid == uid)
			return pid;
		if (procfs_stat(pid, NULL, &pid))
			return 0;
	}
	return 0;
}

/* The environment a process began with: texts behind each other, two zeros at the end. */
static char *environment_of(pid_t pid)
{
	__cleanup_free char *path = xasprintf("/proc/%d/environ", (int)pid);
	__cleanup_file FILE *f = fopen(path, "re");
	char *text = xcalloc(1, MAX_ENVIRON + 2);

	if (f && !fread(text, 1, MAX_ENVIRON, f))
		text[0] = 0;
	return text;
}

static void take_session(const char *environment)
{
	for (const char *line = environment; *line; line += strlen(line) + 1) {
		for (size_t i = 0; i < ARRAY_SIZE(session_variables); i++) {
			size_t len = strlen(session_variables[i]);

			if (!strncmp(line, session_variables[i], len) && line[len] == '=')
				setenv(session_variables[i], line + len + 1, 1);
		}
	}
}

/* What a session has even where its shell does not say so. */
static void complete_session(uid_t uid)
{
	__cleanup_free char *run = xasprintf("/run/user/%u", uid);
	__cleanup_free char *bus = xasprintf("unix:path=%s/bus", run);

	if (access(run, F_OK))
		return;
	setenv("XDG_RUNTIME_DIR", run, 0);
	if (!access(bus + strlen("unix:path="), F_OK))
		setenv("DBUS_SESSION_BUS_ADDRESS", bus, 0);
}

/* Without a screen xdg-open would start a browser for terminals, in this one. */
static bool has_screen(void)
{
	return getenv("DISPLAY") || getenv("WAYLAND_DISPLAY") || getenv("BROWSER");
}

/* In the child; tells through `report` why it could not become the opener. */
static void run_opener(const char *path, int report)
{
	__cleanup_free char *whole = realpath(path, NULL); /* a name may begin like an option */
	uid_t uid;
	int err, null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	if (geteuid() == 0) {
		uid = (uid_t)strtoul(getenv("SUDO_UID"), NULL, 10);
		__cleanup_free char *environment = environment_of(process_of_user(uid));

		take_session(environment);
		complete_session(uid);
	}
	err = child_drop_to_invoking_user();
	if (!err && !has_screen())
		err = -ENODEV;
	if (!err) {
		setsid();
		for (int fd = 0; fd < 3; fd++)
			dup2(null, fd);
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		signal(SIGPIPE, SIG_DFL);
		execlp("xdg-open", "xdg-open", whole ? whole : path, NULL);
		err = -errno;
	}
	if (write(report, &err, sizeof(err)) < 0)
		_exit(126);
	_exit(127);
}

/* A nonzero status that comes soon; 0 when it went well or is still at it. */
static int early_status(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0), status = 0;
	struct pollfd p = {.fd = fd, .events = POLLIN};

	if (fd < 0)
		return 0;
	if (poll(&p, 1, PATIENCE_MS) == 1 && waitpid(pid, &status, WNOHANG) != pid)
		status = 0;
	close(fd);
	return status;
}

static int explain(const char *path, int err)
{
	if (err == -ENODEV)
		log_warn("%s is not opened: there is no screen here (neither DISPLAY nor "
			 "WAYLAND_DISPLAY is "
			 "set); copy it to where you have a browser",
			 path);
	else if (err == -ENOENT)
		log_warn("%s is not opened: there is no xdg-open; install xdg-utils, or open it "
			 "yourself",
			 path);
	else
		log_warn("%s is not opened: %s", path, strerror(-err));
	return err;
}

static const char *user_text(char out[64])
{
	const char *name = geteuid() ? NULL : getenv("SUDO_USER");

	snprintf(out, 64, name ? " for %.40s" : "", name);
	return out;
}

int opener_show(const char *path)
{
	int ends[2], err = 0, status;
	char user[64];
	pid_t pid;

	if (geteuid() == 0 && !getenv("SUDO_UID")) {
		log_warn("%s is not opened: this is root's own session, and root should run no "
			 "browser",
			 path);
		return -EPERM;
	}
	if (pipe2(ends, O_CLOEXEC))
		return explain(path, -errno);
	pid = fork();
	if (!pid)
		run_opener(path, ends[1]);
	close(ends[1]);
	/* exec closes the other end: no bytes mean that it worked */
	if (pid < 0)
		err = -errno;
	else if (read(ends[0], &err, sizeof(err)) != sizeof(err))
		err = 0;
	close(ends[0]);
	if (err) {
		if (pid > 0)
			waitpid(pid, NULL, 0);
		return explain(path, err);
	}
	status = early_status(pid);
	if (status) {
		log_warn("%s is not opened: xdg-open failed with status %d", path,
			 WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
		return -EIO;
	}
	log_info("opened %s%s (xdg-open)", path, user_text(user));
	return 0;
}
