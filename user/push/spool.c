// SPDX-License-Identifier: MIT
/*
 * Files are written under a name that begins with a dot and then renamed, so that a body is whole or not there. They are not
 * forced to the disk: they outlive this process, and a machine that loses its power loses what was sampled, too. Names and sizes
 * are kept in memory; what others do to the folder is noticed when a file is not there.
 */
#include "user/push/spool.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define FILES_MAX 100000      /* whose names are kept */
#define BODY_MAX  (64u << 20) /* larger files are none of ours */
#define NAME_SIZE 80
#define SAY_EVERY 60000000000ull
#define NAME_FORM "%016llx-%08x-%llu.%s"
#define TEMPORARY '.'

struct spooled {
	uint64_t unix_ns, samples, bytes;
	uint32_t seq;
	unsigned tries;
	bool is_gzip, is_taken;
};

struct push_spool {
	pthread_mutex_t lock;
	char *path; /* for people */
	int dir;    /* locked as long as it is open */
	uint64_t max_bytes;
	struct spooled **files; /* the oldest first */
	size_t cnt, cap;
	struct push_count count;
	uint64_t say_ns; /* from when on the next error is said */
};

/* ---- names -------------------------------------------------------------------------------------------- */

static void name_of(const struct spooled *f, char name[NAME_SIZE])
{
	snprintf(name, NAME_SIZE, NAME_FORM, (unsigned long long)f->unix_ns, f->seq, (unsigned long long)f->samples,
		 f->is_gzip ? "gz" : "raw");
}

/* Only what name_of() gives. */
static bool parse_name(const char *name, struct spooled *f)
{
	unsigned long long unix_ns, samples;
	char suffix[8] = "", again[NAME_SIZE];

	*f = (struct spooled){0};
	if (sscanf(name, "%16llx-%8x-%20llu.%7s", &unix_ns, &f->seq, &samples, suffix) != 4)
		return false;
	f->unix_ns = unix_ns;
	f->samples = samples;
	f->is_gzip = !strcmp(suffix, "gz");
	name_of(f, again);
	return !strcmp(name, again);
}

static bool is_older(const struct spooled *a, const struct spooled *b)
{
	return a->unix_ns != b->unix_ns ? a->unix_ns < b->unix_ns : a->seq < b->seq;
}

/* ---- what is kept of them ------------------------------------------------------------------------------- */

static void add(struct push_spool *s, const struct spooled *f)
{
	struct spooled *copy = xmalloc(sizeof(*copy));
	size_t at = s->cnt;

	*copy = *f;
	xgrow(s->files, s->cnt, s->cap);
	while (at && is_older(f, s->files[at - 1])) {
		s->files[at] = s->files[at - 1];
		at--;
	}
	s->files[at] = copy;
	s->cnt++;
	s->count.bodies++;
	s->count.samples += f->samples;
	s->count.bytes += f->bytes;
}

static void forget(struct push_spool *s, size_t at)
{
	struct spooled *f = s->files[at];

	s->count.bodies--;
	s->count.samples -= f->samples;
	s->count.bytes -= f->bytes;
	memmove(s->files + at, s->files + at + 1, (s->cnt - at - 1) * sizeof(*s->files));
	s->cnt--;
	free(f);
}

static size_t index_of(const struct push_spool *s, const struct spooled *f)
{
	size_t at = 0;

	while (s->files[at] != f)
		at++;
	return at;
}

static void lose(struct push_spool *s, size_t at, struct push_count *lost)
{
	char name[NAME_SIZE];

	lost->bodies++;
	lost->samples += s->files[at]->samples;
	lost->bytes += s->files[at]->bytes;
	name_of(s->files[at], name);
	unlinkat(s->dir, name, 0);
	forget(s, at);
}

/* The oldest that nobody is sending. */
static bool lose_oldest(struct push_spool *s, struct push_count *lost)
{
	for (size_t i = 0; i < s->cnt; i++)
		if (!s->files[i]->is_taken) {
			lose(s, i, lost);
			return true;
		}
	return false;
}

static bool make_room(struct push_spool *s, uint64_t bytes, struct push_count *lost)
{
	while (bytes > s->max_bytes || s->count.bytes > s->max_bytes - bytes || s->cnt >= FILES_MAX)
		if (bytes > s->max_bytes || !lose_oldest(s, lost))
			return false;
	return true;
}

/* ---- opening -------------------------------------------------------------------------------------------- */

/* The folder itself may be reached by links (systemd's state directories are); what is in it may be no link. */
static int open_folder(int at, const char *name, const char *path, bool follows)
{
	int fd = -1, err = mkdirat(at, name, 0700) && errno != EEXIST ? -errno : 0;
	struct stat st;

	if (!err) {
		fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (follows ? 0 : O_NOFOLLOW));
		err = fd < 0 || fstat(fd, &st) ? -errno : 0;
	}
	if (err == -ELOOP || (err == -ENOTDIR && fd < 0)) {
		log_error("%s is %sno folder: the spool needs one", path, follows ? "" : "a link, or ");
	} else if (err) {
		log_error("cannot make or open the spool %s: %s", path, strerror(-err));
	} else if ((st.st_uid && st.st_uid != geteuid()) || (st.st_mode & 0022)) {
		log_error("others may write to %s: the spool needs a folder of its own (chmod go-w, chown)", path);
		err = -EPERM;
	}
	if (err && fd >= 0)
		close(fd);
	return err ? err : fd;
}

static int open_both(struct push_spool *s, const char *dir, const char *name)
{
	__cleanup_close int parent = open_folder(AT_FDCWD, dir, dir, true);

	if (parent < 0)
		return parent;
	s->dir = open_folder(parent, name, s->path, false);
	if (s->dir < 0)
		return s->dir;
	if (!flock(s->dir, LOCK_EX | LOCK_NB))
		return 0;
	log_error("the spool %s is in use: each process needs its own", s->path);
	return -EBUSY;
}

/* Files of a former run. What it was writing is of no use; its name says what is lost. */
static void find_one(struct push_spool *s, const char *name, struct push_count *lost)
{
	bool is_temporary = *name == TEMPORARY;
	struct spooled f;
	struct stat st;

	if (!parse_name(name + is_temporary, &f) || fstatat(s->dir, name, &st, AT_SYMLINK_NOFOLLOW) ||
	    !S_ISREG(st.st_mode))
		return;
	f.bytes = (uint64_t)st.st_size;
	if (!is_temporary && f.bytes && f.bytes <= BODY_MAX) {
		add(s, &f);
		return;
	}
	unlinkat(s->dir, name, 0);
	lost->bodies++;
	lost->samples += f.samples;
	lost->bytes += f.bytes;
}

static int find(struct push_spool *s, struct push_count *lost)
{
	int fd = openat(s->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir) {
		log_error("cannot read the spool %s: %s", s->path, strerror(errno));
		return -EIO;
	}
	while ((entry = readdir(dir)))
		find_one(s, entry->d_name, lost);
	closedir(dir);
	make_room(s, 0, lost);
	return 0;
}

int push_spool__open(const char *dir, const char *name, uint64_t max_bytes, struct push_spool **out,
		     struct push_count *lost)
{
	struct push_spool *s = xcalloc(1, sizeof(*s));
	int err;

	pthread_mutex_init(&s->lock, NULL);
	s->path = xasprintf("%s/%s", dir, name);
	s->max_bytes = max_bytes;
	s->dir = -1;
	err = open_both(s, dir, name);
	if (!err)
		err = find(s, lost);
	if (err)
		push_spool__free(s);
	else
		*out = s;
	return err;
}

void push_spool__free(struct push_spool *s)
{
	if (!s)
		return;
	while (s->cnt)
		forget(s, s->cnt - 1);
	if (s->dir >= 0)
		close(s->dir);
	pthread_mutex_destroy(&s->lock);
	free(s->files);
	free(s->path);
	free(s);
}

/* ---- writing -------------------------------------------------------------------------------------------- */

static int write_all(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		bytes += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int write_file(struct push_spool *s, const struct spooled *f, const struct push_body *b)
{
	char name[NAME_SIZE + 1] = {TEMPORARY};
	int fd, err;

	name_of(f, name + 1);
	fd = openat(s->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	err = write_all(fd, b->bytes.data, b->bytes.len);
	if (close(fd) && !err)
		err = -errno;
	if (!err && renameat(s->dir, name, s->dir, name + 1))
		err = -errno;
	if (err)
		unlinkat(s->dir, name, 0);
	return err;
}

static void complain(struct push_spool *s, const char *what, int err)
{
	uint64_t now = clock_now_ns();

	if (now < s->say_ns)
		return;
	s->say_ns = now + SAY_EVERY;
	log_warn("the spool %s: %s: %s", s->path, what, strerror(-err));
}

static bool is_full(int err)
{
	return err == -ENOSPC || err == -EDQUOT || err == -EFBIG;
}

static int put(struct push_spool *s, const struct push_body *b, struct push_count *lost)
{
	struct spooled f = {.unix_ns = b->unix_ns,
			    .samples = b->samples,
			    .bytes = b->bytes.len,
			    .seq = b->seq,
			    .tries = b->tries,
			    .is_gzip = b->is_gzip};
	int err;

	if (!make_room(s, f.bytes, lost))
		return -EFBIG;
	/* A disk that is full of something else: what is older goes first. */
	while (is_full(err = write_file(s, &f, b)) && lose_oldest(s, lost))
		;
	if (err)
		complain(s, "a body cannot be kept", err);
	else
		add(s, &f);
	return err;
}

int push_spool__put(struct push_spool *s, const struct push_body *b, struct push_count *lost)
{
	int err;

	pthread_mutex_lock(&s->lock);
	err = put(s, b, lost);
	pthread_mutex_unlock(&s->lock);
	return err;
}

/* ---- reading -------------------------------------------------------------------------------------------- */

static int read_file(struct push_spool *s, const struct spooled *f, struct buf *out)
{
	char name[NAME_SIZE], bytes[16384];
	ssize_t n = 0;
	struct stat st;

	name_of(f, name);
	__cleanup_close int fd = openat(s->dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	while (out->len <= f->bytes && (n = read(fd, bytes, sizeof(bytes))) > 0)
		buf_put(out, bytes, (size_t)n);
	if (n < 0)
		return -errno;
	return out->len == f->bytes ? 0 : -EIO;
}

static struct push_body *take(struct push_spool *s, struct spooled *f)
{
	struct push_body *b = xcalloc(1, sizeof(*b));
	int err = read_file(s, f, &b->bytes);

	if (err) {
		complain(s, "a body cannot be read", err);
		push_body__free(b);
		return NULL;
	}
	f->is_taken = true;
	b->unix_ns = f->unix_ns;
	b->samples = f->samples;
	b->seq = f->seq;
	b->tries = f->tries;
	b->is_gzip = f->is_gzip;
	b->file = f;
	return b;
}

struct push_body *push_spool__take(struct push_spool *s, struct push_count *lost)
{
	struct push_body *b = NULL;

	pthread_mutex_lock(&s->lock);
	while (!b && s->cnt) {
		b = take(s, s->files[0]);
		if (!b)
			lose(s, 0, lost);
	}
	pthread_mutex_unlock(&s->lock);
	return b;
}

void push_spool__done(struct push_spool *s, struct push_body *b)
{
	struct push_count ignored = {0};

	pthread_mutex_lock(&s->lock);
	lose(s, index_of(s, b->file), &ignored);
	pthread_mutex_unlock(&s->lock);
	push_body__free(b);
}

void push_spool__put_back(struct push_spool *s, struct push_body *b)
{
	struct spooled *f = b->file;

	pthread_mutex_lock(&s->lock);
	f->is_taken = false;
	f->tries = b->tries;
	pthread_mutex_unlock(&s->lock);
	push_body__free(b);
}

void push_spool__count(struct push_spool *s, struct push_count *out)
{
	pthread_mutex_lock(&s->lock);
	*out = s->count;
	pthread_mutex_unlock(&s->lock);
}
