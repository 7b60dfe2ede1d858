/* SPDX-License-Identifier: MIT */
#include "user/os/cgroup.h"
#include "user/os/container.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mntent.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define CGROUP2_MAGIC 0x63677270 /* include/uapi/linux/magic.h */
#define CGROUP1_MAGIC 0x27e0eb
#ifndef FILEID_KERNFS
#define FILEID_KERNFS 0xfe /* include/linux/exportfs.h */
#endif

static long filesystem(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) ? 0 : (long)fs.f_type;
}

/* The first mount of it for which `fn` gives something; one that lies under another mount shows that one's files. */
static char *each_mount(char *(*fn)(const char *mount, const char *path), const char *path)
{
	FILE *f = setmntent("/proc/self/mounts", "re");
	struct mntent *m;
	char *out = NULL;

	while (f && !out && (m = getmntent(f)))
		if (!strcmp(m->mnt_type, "cgroup2") && filesystem(m->mnt_dir) == CGROUP2_MAGIC)
			out = fn(m->mnt_dir, path);
	if (f)
		endmntent(f);
	return out;
}

static char *itself(const char *mount, const char *path)
{
	(void)path;
	return xstrdup(mount);
}

char *cgroup_mount(void)
{
	return each_mount(itself, NULL);
}

static char *real_dir_of(const char *path, long magic)
{
	char *real = realpath(path, NULL);
	struct stat st;

	if (real && !stat(real, &st) && S_ISDIR(st.st_mode) && filesystem(real) == magic)
		return real;
	free(real);
	return NULL;
}

static char *real_dir(const char *path)
{
	return real_dir_of(path, CGROUP2_MAGIC);
}

static char *dir_below(const char *mount, const char *path)
{
	__cleanup_free char *below = xasprintf("%s/%s", mount, path + (path[0] == '/'));

	return real_dir(below);
}

/* As given, else below a mount (with or without a leading slash); the real path, or NULL. */
static char *find_dir(const char *path)
{
	char *dir = path[0] == '/' ? real_dir(path) : NULL;

	if (!dir && path[0] == '/')
		dir = real_dir_of(path, CGROUP1_MAGIC);
	return dir ? dir : each_mount(dir_below, path);
}

bool cgroup_exists(const char *path)
{
	__cleanup_free char *dir = find_dir(path);

	return dir != NULL;
}

static int complain(const char *path)
{
	__cleanup_free char *mount = cgroup_mount();

	if (!mount) {
		log_error(
			"no cgroup '%s': version 2 is not mounted here, and of version 1 the whole path of a directory "
			"is needed (/sys/fs/cgroup/memory/…; /proc/PID/cgroup has what is below the mount)",
			path);
		return -ESRCH;
	}
	if (container_own_cgroups())
		log_error("no cgroup '%s' below %s: in a cgroup namespace of its own only the groups below the "
			  "namespace's root are seen. Run it with the host's (--cgroupns=host), or mount the host's "
			  "hierarchy and give the path below that",
			  path, mount);
	else
		log_error("no cgroup '%s' below %s; `cat /proc/PID/cgroup` shows a process's path after '0::'", path,
			  mount);
	return -ESRCH;
}

/* How much of the path is its mount's: up to there, or to where another hierarchy begins, all have the same device. */
static size_t root_length(const char *dir)
{
	__cleanup_free char *up = xstrdup(dir);
	size_t len = strlen(dir);
	struct stat st, above;
	char *slash;

	while (!stat(up, &st) && (slash = strrchr(up, '/')) && slash > up) {
		*slash = 0;
		if (stat(up, &above) || above.st_dev != st.st_dev)
			break;
		len = (size_t)(slash - up);
	}
	return len;
}

/* Is this controller of /proc/cgroups among the options of that mount? Then it is the hierarchy's. */
static void note_controller(const struct mntent *m, struct cgroup *out)
{
	__cleanup_file FILE *f = fopen("/proc/cgroups", "re");
	char line[256], name[sizeof(out->controller)];
	int number;

	while (f && !out->hierarchy && fgets(line, sizeof(line), f))
		if (sscanf(line, "%31s %d", name, &number) == 2 && number && hasmntopt(m, name)) {
			out->hierarchy = number;
			strcpy(out->controller, name);
		}
}

/* All directories of a hierarchy are of one device, wherever it is mounted. */
static void find_controller(struct cgroup *out)
{
	FILE *f = setmntent("/proc/self/mounts", "re");
	struct mntent *m;
	struct stat here, there;

	while (f && !out->hierarchy && (m = getmntent(f)))
		if (!strcmp(m->mnt_type, "cgroup") && !stat(m->mnt_dir, &there) && !stat(out->dir, &here) &&
		    here.st_dev == there.st_dev)
			note_controller(m, out);
	if (f)
		endmntent(f);
}

int cgroup_find(const char *path, struct cgroup *out)
{
	char *dir = find_dir(path);

	if (!dir)
		return complain(path);
	*out = (struct cgroup){.dir = dir, .root_len = root_length(dir)};
	out->path = dir[out->root_len] ? dir + out->root_len : "/";
	if (filesystem(dir) == CGROUP2_MAGIC)
		return 0;
	find_controller(out);
	if (out->hierarchy)
		return 0;
	log_error("'%s' is of a version 1 hierarchy without a controller: give the directory of one that has one "
		  "(/sys/fs/cgroup/memory/…), or of version 2",
		  path);
	cgroup_clear(out);
	return -EINVAL;
}

void cgroup_steps(const struct cgroup *c, cgroup_step_fn fn, void *ctx)
{
	__cleanup_free char *dir = xstrdup(c->dir);
	size_t start = c->root_len, end = c->root_len;

	for (;;) {
		char after = dir[end];
		struct stat st;

		dir[end] = 0;
		fn(ctx, dir + start, stat(dir, &st) ? 0 : st.st_ino);
		dir[end] = after;
		if (!after)
			return;
		start = end + 1;
		end = start + strcspn(dir + start, "/");
	}
}

struct search {
	uint64_t id;
	bool found;
};

static void compare(void *ctx, const char *name, uint64_t id)
{
	struct search *s = ctx;

	(void)name;
	s->found |= id == s->id;
}

bool cgroup_holds(const struct cgroup *outer, const struct cgroup *inner)
{
	struct search s = {0};
	struct stat st;

	if (stat(outer->dir, &st))
		return false;
	s.id = st.st_ino;
	cgroup_steps(inner, compare, &s);
	return s.found;
}

#define MAX_LEVELS 64 /* deeper than any hierarchy; each holds a directory open */

static void visit(const char *dir, const char *path, unsigned level, void (*fn)(void *ctx, const char *path), void *ctx)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		__cleanup_free char *below = NULL, *below_path = NULL;

		if (e->d_type != DT_DIR || !strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		below = xasprintf("%s/%s", dir, e->d_name);
		below_path = xasprintf("%s%s%s", path, *path ? "/" : "", e->d_name);
		fn(ctx, below_path);
		if (level < MAX_LEVELS)
			visit(below, below_path, level + 1, fn, ctx);
	}
	if (d)
		closedir(d);
}

void cgroup_each(void (*fn)(void *ctx, const char *path), void *ctx)
{
	__cleanup_free char *mount = cgroup_mount();

	if (mount)
		visit(mount, "", 0, fn, ctx);
}

/* fs/kernfs/mount.c: a group's file handle is its id (since Linux 5.5). */
static int open_id(const char *mount, uint64_t id)
{
	__cleanup_close int fd = open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct {
		struct file_handle head;
		uint64_t id;
	} handle = {{.handle_bytes = sizeof(id), .handle_type = FILEID_KERNFS}, id};

	return fd < 0 ? -1 : open_by_handle_at(fd, &handle.head, O_PATH | O_CLOEXEC);
}

char *cgroup_path_of_id(uint64_t id)
{
	__cleanup_free char *given = cgroup_mount(), *mount = given ? realpath(given, NULL) : NULL;
	__cleanup_close int fd = mount ? open_id(mount, id) : -1;
	char link[32], path[PATH_MAX];
	size_t root_len = mount ? strlen(mount) : 0;
	ssize_t len;

	if (fd < 0)
		return NULL;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	if (len < (ssize_t)root_len || memcmp(path, mount, root_len) ||
	    (path[root_len] != '/' && len > (ssize_t)root_len))
		return NULL;
	path[len] = 0;
	return xstrdup(path[root_len] ? path + root_len : "/");
}

struct members {
	pid_t *items;
	size_t cnt, cap;
};

/* False when this cgroup does not tell: cgroup.procs of a threaded one (Documentation/admin-guide/cgroup-v2.rst). */
static bool read_members(const char *dir, const char *file, struct members *out)
{
	__cleanup_free char *list = xasprintf("%s/%s", dir, file);
	__cleanup_file FILE *f = fopen(list, "re");
	int pid;

	while (f && fscanf(f, "%d", &pid) == 1) {
		xgrow(out->items, out->cnt, out->cap);
		out->items[out->cnt++] = procfs_tgid(pid);
	}
	return f && !ferror(f);
}

static void read_group(void *ctx, const char *dir)
{
	if (!read_members(dir, "cgroup.procs", ctx))
		read_members(dir, "cgroup.threads", ctx);
}

static int by_number(const void *a, const void *b)
{
	const pid_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

void cgroup_members(const char *dir, procfs_pid_fn fn, void *ctx)
{
	struct members m = {0};

	read_group(&m, dir);
	visit(dir, dir, 0, read_group, &m);
	if (m.cnt)
		qsort(m.items, m.cnt, sizeof(*m.items), by_number);
	for (size_t i = 0; i < m.cnt; i++)
		if (m.items[i] && (!i || m.items[i] != m.items[i - 1]))
			fn(ctx, m.items[i]);
	free(m.items);
}

void cgroup_clear(struct cgroup *c)
{
	free(c->dir);
	*c = (struct cgroup){0};
}
