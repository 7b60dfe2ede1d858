/* SPDX-License-Identifier: MIT */
/*
 * Files that appear whole or not at all. The program often runs as root in a directory that belongs
 * to somebody else, so the directory is opened once and everything below goes through that
 * descriptor: a path that is swapped meanwhile changes nothing, and no link is ever followed at the
 * file itself. Under sudo all of it is done with the rights of who typed it, so files are theirs.
 */
#include "user/os/output.h"
#include "user/os/invoker.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

struct output {
	char *path, *name, *temp; /* name and temp: inside the directory */
	int dir_fd;               /* -1: standard output */
	FILE *stream;
	bool shared;
	struct output *next; /* among the open ones */
};

static struct output *volatile open_outputs;

/* Renaming onto the others would replace the system's own links, for everybody. */
bool output__is_stdout(const char *path)
{
	static const char *const names[] = {"-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(path, names[i]))
			return true;
	return false;
}

/* The directory of `path`, and where its last part begins. */
static int open_directory(const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');
	__cleanup_free char *dir = NULL;
	int fd, err;

	*name = slash ? slash + 1 : path;
	if (!**name || !strcmp(*name, ".") || !strcmp(*name, "..")) {
		log_error("%s: is a directory; give the name of a file", *path ? path : "(empty name)");
		return -EISDIR;
	}
	dir = slash == path ? xstrdup("/") : slash ? xstrndup(path, (size_t)(slash - path)) : xstrdup(".");
	invoker_begin();
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	err = -errno;
	invoker_end();
	if (fd >= 0)
		return fd;
	if (err == -ENOENT)
		log_error("%s: there is no directory %s: `mkdir -p %s` makes it", path, dir, dir);
	else
		log_error("%s: cannot write into directory %s: %s%s", path, dir, strerror(-err), invoker_hint());
	return err;
}

/* /dev/stderr and its like: who writes to them means what is open there, whatever that is. */
static bool is_link_to_descriptor(int dir_fd, const char *name)
{
	static const char start[] = "/proc/";
	char text[sizeof(start)];
	ssize_t len = readlinkat(dir_fd, name, text, sizeof(text));

	return len > (ssize_t)strlen(start) && !memcmp(text, start, strlen(start));
}

/* Whether renaming onto `name` is right: only a plain file, a link to one or nothing may be there. */
static int check_target(int dir_fd, const char *name, const char *path)
{
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW))
		return 0;
	if (S_ISLNK(st.st_mode) && !is_link_to_descriptor(dir_fd, name) && fstatat(dir_fd, name, &st, 0))
		return 0; /* leads nowhere */
	if (S_ISREG(st.st_mode))
		return 0;
	if (S_ISDIR(st.st_mode)) {
		log_error("%s: is a directory; give the name of a file", path);
		return -EISDIR;
	}
	log_error("%s: is not a plain file; use `-o -` and a redirection to write into it", path);
	return -ENOTSUP;
}

static void unlist(struct output *o)
{
	for (struct output *volatile *at = &open_outputs; *at; at = &(*at)->next) {
		if (*at == o) {
			*at = o->next;
			return;
		}
	}
}

static void release(struct output *o)
{
	unlist(o);
	if (o->stream && o->dir_fd >= 0)
		fclose(o->stream);
	if (o->dir_fd >= 0)
		close(o->dir_fd);
	free(o->path);
	free(o->name);
	free(o->temp);
	free(o);
}

static struct output *open_stdout(void)
{
	struct output *o = xcalloc(1, sizeof(*o));

	/* A reader that goes away must not take other outputs with it: the write then says EPIPE. */
	signal(SIGPIPE, SIG_IGN);
	o->path = xstrdup("standard output");
	o->dir_fd = -1;
	o->stream = stdout;
	return o;
}

/* A new name for the temporary file that nobody can have prepared; hidden unless it has a suffix. */
static int choose_temp(struct output *o, const char *suffix)
{
	uint64_t random;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return -errno;
	free(o->temp);
	/* room for the decoration within NAME_MAX */
	o->temp =
		suffix ? xasprintf("%.*s.%08llx%s", NAME_MAX - 32, o->name, (unsigned long long)(random >> 32), suffix)
		       : xasprintf(".%.*s.%016llx.tmp", NAME_MAX - 24, o->name, (unsigned long long)random);
	return 0;
}

/* The fd, or negative errno. */
static int create_temp(struct output *o, const char *suffix)
{
	int err = strlen(o->name) > NAME_MAX ? -ENAMETOOLONG : 0;

	for (int tries = 0; !err && tries < 16; tries++) {
		int fd;

		err = choose_temp(o, suffix);
		if (err)
			break;
		fd = openat(o->dir_fd, o->temp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0)
			return fd;
		err = errno == EEXIST ? 0 : -errno;
	}
	return err ? err : -EEXIST;
}

static int open_temp(struct output *o, const char *suffix)
{
	int fd;

	invoker_begin();
	fd = create_temp(o, suffix);
	invoker_end();
	if (fd < 0) {
		log_error("%s: cannot be created: %s%s", o->path, strerror(-fd), invoker_hint());
		return fd;
	}
	if (!suffix) {
		o->next = open_outputs;
		open_outputs = o;
	}
	fchmod(fd, 0600); /* whatever the umask left of it */
	o->stream = fdopen(fd, "w");
	setvbuf(o->stream, NULL, _IOFBF, 1 << 16);
	return 0;
}

/* With a suffix, the temporary file is one that people may find and use. */
static int open_file(const char *path, const char *suffix, struct output **out)
{
	const char *name;
	int err, dir_fd = open_directory(path, &name);

	*out = NULL;
	if (dir_fd < 0)
		return dir_fd;
	*out = xcalloc(1, sizeof(**out));
	(*out)->dir_fd = dir_fd;
	(*out)->path = xstrdup(path);
	(*out)->name = xstrdup(name);
	err = check_target(dir_fd, name, path);
	if (!err)
		err = open_temp(*out, suffix);
	if (err) {
		release(*out);
		*out = NULL;
	}
	return err;
}

/* A temporary file is really made: permissions alone say nothing of read-only or full file systems. */
int output__check(const char *path)
{
	struct output *o = NULL;
	int err = output__is_stdout(path) ? 0 : open_file(path, NULL, &o);

	output__abort(o);
	return err;
}

/* The file system and the number of the directory. */
static bool stat_directory(const char *path, const char **name, struct stat *st)
{
	const char *slash = strrchr(path, '/');
	__cleanup_free char *dir = slash ? xstrndup(path, (size_t)(slash + 1 - path)) : xstrdup(".");

	*name = slash ? slash + 1 : path;
	return !stat(dir, st);
}

bool output__is_same(const char *a, const char *b)
{
	const char *name_a, *name_b;
	struct stat dir_a, dir_b;

	if (output__is_stdout(a) || output__is_stdout(b))
		return output__is_stdout(a) && output__is_stdout(b);
	if (!strcmp(a, b))
		return true;
	if (!stat_directory(a, &name_a, &dir_a) || !stat_directory(b, &name_b, &dir_b))
		return false;
	return dir_a.st_dev == dir_b.st_dev && dir_a.st_ino == dir_b.st_ino && !strcmp(name_a, name_b);
}

struct output *output__open(const char *path)
{
	struct output *o;

	if (output__is_stdout(path))
		return open_stdout();
	open_file(path, NULL, &o);
	return o;
}

struct output *output__open_lasting(const char *path, const char *suffix)
{
	struct output *o;

	open_file(path, suffix, &o);
	return o;
}

char *output__temp_path(const struct output *o)
{
	const char *slash = strrchr(o->path, '/');

	return xasprintf("%.*s%s", slash ? (int)(slash - o->path + 1) : 0, o->path, o->temp);
}

bool output__is_in_place(const struct output *o)
{
	__cleanup_free char *path = output__temp_path(o);
	struct stat named, open;

	return !stat(path, &named) && !fstat(fileno(o->stream), &open) && named.st_dev == open.st_dev &&
	       named.st_ino == open.st_ino;
}

char *output__read_path(const struct output *o)
{
	if (output__is_in_place(o))
		return output__temp_path(o);
	return xasprintf("/proc/self/fd/%d", fileno(o->stream));
}

void output__leave(struct output *o)
{
	release(o);
}

FILE *output__stream(struct output *o)
{
	return o->stream;
}

void output__share(struct output *o)
{
	o->shared = true;
}

/* Why an earlier write failed: its errno is gone, but a pipe without a reader says so again. */
static int stdout_error(void)
{
	struct pollfd pipe = {.fd = STDOUT_FILENO, .events = POLLOUT};

	if (errno)
		return -errno;
	return poll(&pipe, 1, 0) == 1 && (pipe.revents & (POLLERR | POLLHUP)) ? -EPIPE : -EIO;
}

static int finish_stdout(struct output *o)
{
	int err = 0;

	errno = 0;
	if (fflush(stdout) || ferror(stdout)) {
		err = stdout_error();
		if (err != -EPIPE)
			log_error("cannot write to standard output: %s", strerror(-err));
	}
	release(o);
	return err;
}

/* Why an earlier write failed: its errno is gone, but the file will be, too. */
static int file_error(int fd)
{
	return write(fd, "\n", 1) < 0 ? -errno : -EIO;
}

static mode_t get_umask(void)
{
	mode_t mask = umask(0);

	umask(mask);
	return mask;
}

/* Everything on disk under its temporary name, then in its place. */
static int finish_file(struct output *o)
{
	int fd = fileno(o->stream), err;

	if (ferror(o->stream))
		return file_error(fd);
	if (fflush(o->stream))
		return -errno;
	/* not every file system can: EINVAL is no failure */
	if (fsync(fd) && errno != EINVAL && errno != ENOSYS)
		return -errno;
	invoker_begin();
	if (o->shared)
		fchmod(fd, 0644 & ~get_umask());
	err = renameat(o->dir_fd, o->temp, o->dir_fd, o->name) ? -errno : 0;
	invoker_end();
	if (err)
		return err;
	free(o->temp);
	o->temp = NULL;
	fsync(o->dir_fd);
	return 0;
}

int output__commit(struct output *o)
{
	int err;

	if (o->dir_fd < 0)
		return finish_stdout(o);
	err = finish_file(o);
	if (err) {
		log_error("%s: cannot be written: %s%s", o->path, strerror(-err), invoker_hint());
		output__abort(o);
		return err;
	}
	release(o);
	return 0;
}

void output__remove(const struct output *o)
{
	if (!o->temp)
		return;
	invoker_begin();
	unlinkat(o->dir_fd, o->temp, 0);
	invoker_end();
}

void output__abort(struct output *o)
{
	if (!o)
		return;
	output__remove(o);
	release(o);
}

void output__remove_all(void)
{
	for (struct output *o = open_outputs; o; o = o->next)
		output__remove(o);
}
