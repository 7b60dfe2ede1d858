#include "user/os/cgroup.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <mntent.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define CGROUP2_MAGIC 0x63677270 /* include/uapi/linux/magic.h */
#define CGROUP1_MAGIC 0x27e0eb

char *cgroup_mount(void)
{
	FILE *f = setmntent("/proc/self/mounts", "re");
	struct mntent *m;
	char *out = NULL;

	while (f && !out && (m = getmntent(f)))
		if (!strcmp(m->mnt_type, "cgroup2"))
			out = xstrdup(m->mnt_dir);
	if (f)
		endmntent(f);
	return out;
}

static long filesystem(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) ? 0 : (long)fs.f_type;
}

/* As given, else below the mount (with or without a leading slash); the real path, or NULL. */
static char *find_dir(const char *mount, const char *path)
{
	__cleanup_free char *below = xasprintf("%s/%s", mount, path + (path[0] == '/'));
	char *real = NULL;

	if (path[0] == '/' && (filesystem(path) == CGROUP2_MAGIC || filesystem(path) == CGROUP1_MAGIC))
		real = realpath(path, NULL);
	return real ? real : realpath(below, NULL);
}

bool cgroup_exists(const char *path)
{
	__cleanup_free char *mount = cgroup_mount();
	__cleanup_free char *dir = mount ? find_dir(mount, path) : NULL;
	struct stat st;

	return dir && !stat(dir, &st) && S_ISDIR(st.st_mode);
}

int cgroup_find(const char *path, struct cgroup *out)
{
	__cleanup_free char *mount = cgroup_mount();
	__cleanup_free char *dir = NULL;
	struct stat st;

	if (!mount) {
		log_error("cgroup v2 is not mounted here, and --cgroup works on it: mount -t cgroup2 none "
			  "/sys/fs/cgroup/unified (or profile by --pid PID --subprocesses)");
		return -EOPNOTSUPP;
	}
	dir = find_dir(mount, path);
	if (!dir || stat(dir, &st) || !S_ISDIR(st.st_mode)) {
		log_error("no cgroup '%s' below %s; `cat /proc/PID/cgroup` shows a process's path after '0::'",
			  path, mount);
		return -ESRCH;
	}
	if (filesystem(dir) != CGROUP2_MAGIC || strncmp(dir, mount, strlen(mount))) {
		log_error("'%s' is a version 1 cgroup: give the version 2 directory (below %s; the line '0::' of "
			  "/proc/PID/cgroup), or profile by --pid PID --subprocesses", path, mount);
		return -EINVAL;
	}
	*out = (struct cgroup){.id = st.st_ino};
	out->path = xstrdup(dir[strlen(mount)] ? dir + strlen(mount) : "/");
	for (const char *p = dir + strlen(mount); *p; p++)
		out->level += *p == '/';
	out->dir = dir;
	dir = NULL;
	return 0;
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
	free(c->path);
	*c = (struct cgroup){0};
}
