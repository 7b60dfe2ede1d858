/* SPDX-License-Identifier: MIT */
/* O_PATH finds a file without opening it; /proc/self/fd then opens exactly what was found and judged. */
#include "user/os/untrusted.h"
#include "user/os/procfs.h"
#include "user/os/worker.h"
#include "user/util/alloc.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The target of a link of /proc/PID; a leader that has ended has none, its other threads do. */
static int open_path(pid_t pid, const char *link, int flags)
{
	char path[96];
	pid_t living;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, link);
	fd = open(path, O_PATH | O_CLOEXEC | flags);
	if (fd >= 0 || errno != ENOENT)
		return fd < 0 ? -errno : fd;
	living = procfs_living_task(pid);
	return living == pid ? -ENOENT : open_path(living, link, flags);
}

/* `start` is a directory of the process, "root" or "cwd". */
static int open_start(pid_t pid, const char *start)
{
	int fd;

	if (pid)
		return open_path(pid, start, O_DIRECTORY);
	fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int root_untrusted(pid_t pid)
{
	return open_start(pid, "root");
}

/* Links inside a container must never lead out of it to ours, nor to another process's through /proc. */
static int find(pid_t pid, const char *start, const char *path, uint64_t resolve)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = resolve | RESOLVE_NO_MAGICLINKS};
	__cleanup_close int dir = open_start(pid, start);
	long fd;

	if (dir < 0)
		return dir;
	fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));
	return fd < 0 ? -errno : (int)fd;
}

static int judge(int found, uint64_t max_bytes)
{
	struct stat st;

	if (fstat(found, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOTSUP;
	return (uint64_t)st.st_size > max_bytes ? -EFBIG : 0;
}

int open_untrusted_found(int found, uint64_t max_bytes)
{
	int err = judge(found, max_bytes), opened;
	char path[32];

	if (err)
		return err;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", found);
	opened = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return opened < 0 ? -errno : opened;
}

/* Takes `found` over. */
static int open_found(int found, uint64_t max_bytes)
{
	__cleanup_close int fd = found;

	return fd < 0 ? fd : open_untrusted_found(fd, max_bytes);
}

int open_untrusted(pid_t pid, const char *path, uint64_t max_bytes)
{
	return open_found(find(pid, "root", path, RESOLVE_IN_ROOT), max_bytes);
}

int open_untrusted_dir(pid_t pid, const char *path)
{
	__cleanup_close int found = find(pid, "root", path, RESOLVE_IN_ROOT);
	char link[32];
	int opened;

	if (found < 0)
		return found;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", found);
	opened = open(link, O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC);
	return opened < 0 ? -errno : opened;
}

int open_untrusted_link(pid_t pid, const char *link, uint64_t max_bytes)
{
	return open_found(open_path(pid, link, 0), max_bytes);
}

int stat_untrusted_link(pid_t pid, const char *link, struct stat *out)
{
	__cleanup_close int fd = open_path(pid, link, 0);

	if (fd < 0)
		return fd;
	return fstat(fd, out) ? -errno : 0;
}

bool has_untrusted(pid_t pid, const char *path)
{
	bool absolute = path[0] == '/';
	__cleanup_close int fd =
		find(pid, absolute ? "root" : "cwd", path, absolute ? RESOLVE_IN_ROOT : RESOLVE_BENEATH);

	return fd >= 0;
}

struct question {
	pid_t pid;
	char path[PATH_MAX];
};

static int answer(const void *arg, struct buf *reply)
{
	const struct question *q = arg;

	(void)reply;
	return has_untrusted(q->pid, q->path);
}

bool has_untrusted_aside(pid_t pid, const char *path)
{
	size_t len = strlen(path);
	struct question q = {.pid = pid};
	struct worker_task t = {.pid = pid, .fn = answer, .arg = &q, .len = offsetof(struct question, path) + len + 1};
	struct buf reply = {0};
	bool yes;

	if (len >= sizeof(q.path))
		return false;
	memcpy(q.path, path, len + 1);
	yes = worker_call(&t, &reply) > 0;
	buf_free(&reply);
	return yes;
}
