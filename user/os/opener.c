/* SPDX-License-Identifier: MIT */
/*
 * The opener finds its screen by what is in our environment: of a desktop, sudo keeps what it is told to keep.
 */
#include "user/os/opener.h"
#include "user/os/child.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 2000 /* for an opener that fails; those that work may run as long as the browser */

static struct child opener; /* waits for the file to be there; pid 0: none */

/* Without a screen xdg-open would start a browser for terminals, in this one. */
static bool has_screen(void)
{
	return getenv("DISPLAY") || getenv("WAYLAND_DISPLAY") || getenv("BROWSER");
}

static bool is_roots_own(void)
{
	return geteuid() == 0 && !getenv("SUDO_UID");
}

int opener_prepare(const char *path)
{
	int null, err;
	sigset_t none;

	if (opener.pid || is_roots_own() || !has_screen())
		return 0;
	/* whole, for a name may begin like an option; there need not be a file yet */
	__cleanup_free char *here = get_current_dir_name();
	__cleanup_free char *whole = *path == '/' || !here ? xstrdup(path) : xasprintf("%s/%s", here, path);
	char *argv[] = {"xdg-open", whole, NULL};

	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigemptyset(&none);
	err = child_start(argv, (int[]){null, null, null}, &none, &opener);
	close(null);
	if (!err)
		setpgid(opener.pid, opener.pid); /* Ctrl-C is not for a browser */
	else
		opener.pid = 0;
	return err;
}

/* A nonzero status that comes soon; 0 when it went well or is still at it. */
static int early_status(void)
{
	struct pollfd p = {.fd = opener.pidfd, .events = POLLIN};
	int status = 0;

	if (poll(&p, 1, PATIENCE_MS) == 1)
		status = child_wait(&opener);
	return status;
}

static int explain(const char *path, int err)
{
	if (err == -EPERM)
		log_warn("%s is not opened: this is root's own session, and root should run no browser", path);
	else if (err == -ENODEV)
		log_warn("%s is not opened: there is no screen here (none of DISPLAY, WAYLAND_DISPLAY and BROWSER is "
			 "set); open it in a browser",
			 path);
	else if (err == -ENOENT)
		log_warn("%s is not opened: there is no xdg-open; install xdg-utils, or open it in a browser", path);
	else
		log_warn("%s is not opened: %s", path, strerror(-err));
	return err;
}

int opener_show(const char *path)
{
	const char *user = geteuid() ? NULL : getenv("SUDO_USER");
	int err, status;

	if (is_roots_own() || !has_screen())
		return explain(path, is_roots_own() ? -EPERM : -ENODEV);
	err = opener_prepare(path);
	if (!err)
		err = child_go(&opener);
	if (err)
		return explain(path, err);
	status = early_status();
	opener.pid = 0;
	if (status) {
		log_warn("%s is not opened: xdg-open failed with status %d", path, status);
		return -EIO;
	}
	log_info("opened %s%s%.40s (xdg-open)", path, user ? " for " : "", user ? user : "");
	return 0;
}
