#include "user/os/source_file.h"
#include "user/util/alloc.h"
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>

static long sudo_id(const char *variable)
{
	const char *text = geteuid() == 0 ? getenv(variable) : NULL;
	char *end;
	long id = text ? strtol(text, &end, 10) : -1;

	return text && *text && !*end && id >= 0 ? id : -1;
}

/* The file system's idea of who we are is per thread and takes root's file capabilities with it. */
static int open_as_invoker(const char *path)
{
	long uid = sudo_id("SUDO_UID"), gid = sudo_id("SUDO_GID");
	int fd;

	if (uid >= 0 && gid >= 0) {
		setfsgid((gid_t)gid);
		setfsuid((uid_t)uid);
	}
	/* not blocking: a FIFO must not hang the writer of a report */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (uid >= 0 && gid >= 0) {
		setfsuid(geteuid());
		setfsgid(getegid());
	}
	return fd;
}

static bool is_source_name(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot && (!strcmp(dot, ".py") || !strcmp(dot, ".pyw"));
}

/* What was opened, whatever links led there. */
static bool is_source(int fd)
{
	__cleanup_free char *link = xasprintf("/proc/self/fd/%d", fd);
	char real[PATH_MAX];
	ssize_t len = readlink(link, real, sizeof(real) - 1);

	if (len <= 0)
		return false;
	real[len] = 0;
	return is_source_name(real);
}

static char *read_all(int fd, size_t size)
{
	char *text = xmalloc(size + 1);
	size_t got = 0;

	while (got < size) {
		ssize_t n = pread(fd, text + got, size - got, (off_t)got);

		if (n <= 0)
			break;
		got += (size_t)n;
	}
	text[got] = 0;
	if (got == size && !memchr(text, 0, size))
		return text;
	free(text);
	return NULL;
}

char *source_file__read(const char *path, uint64_t *changed_unix_ns)
{
	__cleanup_close int fd = -1;
	struct stat st;

	if (*path != '/' || !is_source_name(path))
		return NULL;
	fd = open_as_invoker(path);
	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) || !is_source(fd))
		return NULL;
	if (st.st_size <= 0 || st.st_size > SOURCE_FILE_MAX)
		return NULL;
	*changed_unix_ns = (uint64_t)st.st_mtim.tv_sec * 1000000000u + (uint64_t)st.st_mtim.tv_nsec;
	return read_all(fd, (size_t)st.st_size);
}
