/* SPDX-License-Identifier: MIT */
#include "user/os/source_file.h"
#include "user/os/invoker.h"
#include "user/os/path_walk.h"
#include "user/os/procfs.h"
#include "user/os/untrusted.h"
#include "user/os/worker.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include <errno.h>
#include <limits.h>
#include <string.h>

#define START_SLACK_NS 1000000000ull /* clocks are set; a number is not given again so soon */
#define RIGHTS_MAX     4096
#define MAY_READ       4
#define MAY_PASS       1

/* Flat, as it goes to another process. */
struct question {
	pid_t pid;
	uint64_t start_unix_ns;
	bool own_root, has_rights;
	char rights[RIGHTS_MAX];
	char path[PATH_MAX];
};

/* In front of the text. */
struct answer {
	uint64_t written_unix_ns, moved_unix_ns;
};

/* ---- by whom it can have been read ------------------------------------------------------------------- */

/* "UID GID GROUP…" */
static bool has_group(const char *rights, gid_t gid)
{
	char *at;

	strtoul(rights, &at, 10);
	while (*at == ' ')
		if (strtoul(at, &at, 10) == gid)
			return true;
	return false;
}

/* Lists of further users and groups (acl(5)) are not asked: who is in one is refused too much, never too little. */
static bool may(const char *rights, const struct stat *st, unsigned what)
{
	uid_t uid = *rights ? (uid_t)strtoul(rights, NULL, 10) : (uid_t)-1;

	if (uid == 0)
		return true;
	if (st->st_uid == uid)
		return st->st_mode >> 6 & what;
	if (has_group(rights, st->st_gid))
		return st->st_mode >> 3 & what;
	return st->st_mode & what;
}

/* ---- in the worker ----------------------------------------------------------------------------------- */

struct reading {
	const struct question *q;
	struct answer *a;
};

static int look_at_step(void *ctx, const struct stat *st)
{
	const struct reading *r = ctx;
	bool is_link = S_ISLNK(st->st_mode), is_directory = S_ISDIR(st->st_mode);

	if (r->q->has_rights && !is_link && !may(r->q->rights, st, is_directory ? MAY_PASS : MAY_READ))
		return -EACCES;
	if (!is_directory && clock_of(&st->st_ctim) > r->a->moved_unix_ns)
		r->a->moved_unix_ns = clock_of(&st->st_ctim);
	if (!is_directory && !is_link)
		r->a->written_unix_ns = clock_of(&st->st_mtim);
	return 0;
}

static bool is_there(const struct question *q)
{
	uint64_t start;

	if (procfs_stat(q->pid, &start, NULL))
		return false;
	start += clock_boot_unix_ns();
	return start + START_SLACK_NS > q->start_unix_ns && start < q->start_unix_ns + START_SLACK_NS;
}

/* That it is the right one is asked afterwards: what is open by then was that one's. */
static int open_root(const struct question *q)
{
	int root = root_untrusted(q->own_root ? 0 : q->pid);

	if (q->own_root || (root >= 0 && is_there(q)))
		return root;
	if (root >= 0)
		close(root);
	return root == -EACCES ? root : -ESRCH;
}

static bool is_source_name(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot && (!strcmp(dot, ".py") || !strcmp(dot, ".pyw"));
}

/* By the name of the file itself, whatever links led there. */
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

static int read_all(int fd, size_t size, struct buf *reply)
{
	__cleanup_free char *text = xmalloc(size + 1);
	size_t got = 0;

	while (got < size) {
		ssize_t n = pread(fd, text + got, size - got, (off_t)got);

		if (n <= 0)
			break;
		got += (size_t)n;
	}
	if (!size || got < size || memchr(text, 0, size))
		return -ENODATA;
	buf_put(reply, text, size);
	return 0;
}

static int read_source(const struct question *q, struct answer *a, struct buf *text)
{
	struct reading r = {q, a};
	__cleanup_close int root = open_root(q);
	__cleanup_close int fd = -1;
	struct stat st;

	if (root < 0)
		return root;
	invoker_begin();
	fd = path_walk(root, q->path, SOURCE_FILE_MAX, look_at_step, &r);
	invoker_end();
	if (fd < 0)
		return fd;
	return fstat(fd, &st) || !is_source(fd) ? -ENODATA : read_all(fd, (size_t)st.st_size, text);
}

static int answer_aside(const void *arg, struct buf *reply)
{
	struct answer a = {0};
	int err;

	buf_put(reply, &a, sizeof(a));
	err = read_source(arg, &a, reply);
	memcpy(reply->data, &a, sizeof(a));
	return err;
}

/* ---- and here ---------------------------------------------------------------------------------------- */

int source_file__read(const struct source_location *where, const char *path, struct source_file *out)
{
	struct question q = {.pid = where->pid,
			     .start_unix_ns = where->start_unix_ns,
			     .own_root = where->own_root,
			     .has_rights = where->rights != NULL};
	const struct worker_task t = {.pid = where->pid, .fn = answer_aside, .arg = &q, .len = sizeof(q)};
	struct buf reply = {0};
	struct answer a;
	int err;

	if (*path != '/' || !is_source_name(path))
		return -EINVAL;
	if (strlen(path) >= sizeof(q.path) || strlen(where->rights ? where->rights : "") >= sizeof(q.rights))
		return -ENAMETOOLONG;
	strcpy(q.path, path);
	strcpy(q.rights, where->rights ? where->rights : "");
	err = worker_call(&t, &reply);
	if (!err) {
		memcpy(&a, reply.data, sizeof(a));
		*out = (struct source_file){xstrndup(reply.data + sizeof(a), reply.len - sizeof(a)), a.written_unix_ns,
					    a.moved_unix_ns};
	}
	buf_free(&reply);
	return err;
}

bool source_file__is_newer(const struct source_file *f, uint64_t start_unix_ns)
{
	uint64_t changed = f->moved_unix_ns > f->written_unix_ns ? f->moved_unix_ns : f->written_unix_ns;

	return changed > start_unix_ns + SOURCE_SLACK_NS;
}
