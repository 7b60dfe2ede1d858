/* Small readers of /proc. Kernel documentation: Documentation/filesystems/proc.rst. */
#include "user/os/procfs.h"
#include "user/os/tasks.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/kcmp.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <time.h>

#define MAP_FILE_PATH 96
#define MAPS_WINDOW   (32 << 10) /* of maps at once; a line has a path of PATH_MAX at most, each newline in it as four characters */

/* The whole file as text, at most `max` bytes; NULL when it cannot be read. */
static char *read_proc(pid_t pid, const char *name, size_t max, size_t *len)
{
	char path[64], chunk[4096];
	__cleanup_close int fd = -1;
	struct buf out = {0};
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	while (out.len < max && (n = read(fd, chunk, sizeof(chunk))) > 0)
		buf_put(&out, chunk, (size_t)n);
	if (len)
		*len = out.len;
	return buf_steal_text(&out);
}

/* ---- a process whose main thread has ended ------------------------------------------------------------ */

static bool has_ended(pid_t pid, pid_t tid)
{
	struct task_state s;

	return task_state(pid, tid, &s) || s.letter == 'Z' || s.letter == 'X';
}

pid_t procfs_living_task(pid_t pid)
{
	struct dirent *e;
	char path[32];
	pid_t found = pid;
	DIR *dir;

	if (!has_ended(pid, pid))
		return pid;
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && found == pid && (e = readdir(dir)))
		if (isdigit((unsigned char)e->d_name[0]) && !has_ended(pid, atoi(e->d_name)))
			found = atoi(e->d_name);
	if (dir)
		closedir(dir);
	return found;
}

/* Where the leader has nothing (any more) under a name: /proc/TID is there for each of its threads. */
static bool take_other_task(pid_t *pid)
{
	pid_t other = procfs_living_task(*pid);

	if (other == *pid)
		return false;
	*pid = other;
	return true;
}

/* ---- texts -------------------------------------------------------------------------------------------- */

int procfs_stat(pid_t pid, uint64_t *start_ns, pid_t *ppid)
{
	__cleanup_free char *text = read_proc(pid, "stat", 4096, NULL);
	char *p = text ? strrchr(text, ')') : NULL; /* the name before it may hold anything */
	unsigned long long start = 0;
	int parent = 0;

	if (!p || sscanf(p + 1,
			 " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
			 &parent, &start) != 2)
		return -ESRCH;
	if (start_ns)
		*start_ns = start * (1000000000ull / (uint64_t)sysconf(_SC_CLK_TCK));
	if (ppid)
		*ppid = parent;
	return 0;
}

/* Field 28, startstack; 0 when we may not know. */
static uint64_t stack_start(pid_t pid)
{
	__cleanup_free char *text = read_proc(pid, "stat", 4096, NULL);
	char *p = text ? strrchr(text, ')') : NULL;

	for (int field = 2; p && field < 28; field++) {
		p = strchr(p, ' ');
		p = p ? p + 1 : NULL;
	}
	return p ? strtoull(p, NULL, 10) : 0;
}

bool procfs_is_fork_of(pid_t pid, pid_t parent)
{
	uint64_t start = stack_start(pid);

	return start && start == stack_start(parent);
}

char *procfs_join_args(const char *bytes, size_t len)
{
	char *out = xcalloc(1, len + 1);

	memcpy(out, bytes, len);
	while (len && (!out[len - 1] || out[len - 1] == ' '))
		out[--len] = 0;
	for (size_t i = 0; i < len; i++)
		if (!out[i])
			out[i] = ' ';
	return out;
}

char *procfs_command(pid_t pid)
{
	size_t len = 0;
	__cleanup_free char *text = read_proc(pid, "cmdline", 4096, &len);
	__cleanup_free char *comm = NULL;

	if (!text)
		return NULL;
	if (len)
		return procfs_join_args(text, len);
	if (take_other_task(&pid))
		return procfs_command(pid);
	comm = read_proc(pid, "comm", 64, NULL);
	if (!comm)
		return NULL;
	comm[strcspn(comm, "\n")] = 0;
	return xasprintf("[%s]", comm);
}

char *procfs_cgroup(pid_t pid)
{
	__cleanup_free char *text = read_proc(pid, "cgroup", 65536, NULL);
	char *save = NULL;

	for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line;
	     line = strtok_r(NULL, "\n", &save))
		if (!strncmp(line, "0::", 3))
			return xstrdup(line + 3);
	return xstrdup("");
}

int procfs_cpu_ns(pid_t pid, uint64_t *ns)
{
	struct timespec t;
	clockid_t clock;
	int err = clock_getcpuclockid(pid, &clock);

	if (err)
		return -err;
	if (clock_gettime(clock, &t))
		return -errno;
	*ns = (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
	return 0;
}

pid_t procfs_tgid(pid_t tid)
{
	__cleanup_free char *text = read_proc(tid, "status", 16384, NULL);
	const char *p = text ? strstr(text, "\nTgid:") : NULL;

	return p ? atoi(p + 6) : 0;
}

/* ---- mappings ----------------------------------------------------------------------------------------- */

/* fs/proc/task_mmu.c, show_vma_header_prefix(): "start-end perms offset major:minor inode   path" */
static bool parse_map(char *line, struct procfs_map *m)
{
	char *at = line;
	unsigned long major, minor;

	*m = (struct procfs_map){.start = strtoull(at, &at, 16)};
	if (*at++ != '-')
		return false;
	m->end = strtoull(at, &at, 16);
	if (*at++ != ' ' || strnlen(at, 5) < 5)
		return false;
	m->write = at[1] == 'w';
	m->exec = at[2] == 'x';
	m->shared = at[3] == 's';
	m->offset = strtoull(at + 4, &at, 16);
	major = strtoul(at, &at, 16);
	if (*at++ != ':')
		return false;
	minor = strtoul(at, &at, 16);
	m->dev = (uint32_t)(major << 20 | minor);
	m->inode = strtoull(at, &at, 10);
	m->path = at + strspn(at, " ");
	return true;
}

/* Whole lines of `text`, which is changed; gives how many bytes of it they were. */
static size_t each_map(char *text, pid_t task, procfs_map_fn fn, void *ctx, int *stop)
{
	char *line = text, *end;

	for (; !*stop && (end = strchr(line, '\n')); line = end + 1) {
		struct procfs_map m;

		*end = 0;
		if (!parse_map(line, &m) || !m.inode)
			continue;
		m.task = task;
		*stop = fn(ctx, &m);
	}
	return (size_t)(line - text);
}

/* A piece at a time: a process may have millions of them. */
int procfs_maps(pid_t pid, procfs_map_fn fn, void *ctx)
{
	pid_t task = procfs_living_task(pid);
	__cleanup_free char *text = xmalloc(MAPS_WINDOW + 1);
	__cleanup_close int fd = -1;
	size_t len = 0, used;
	char path[32];
	int stop = 0;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/maps", task);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == EACCES || errno == EPERM ? -EPERM : -ESRCH;
	while (!stop && len < MAPS_WINDOW && (n = read(fd, text + len, MAPS_WINDOW - len)) > 0) {
		len += (size_t)n;
		text[len] = 0;
		used = each_map(text, task, fn, ctx, &stop);
		len -= used;
		memmove(text, text + used, len);
	}
	return stop;
}

/* ---- files -------------------------------------------------------------------------------------------- */

/* A container may hand us a FIFO or a device under a library's name: only regular files are opened for good. */
static int open_regular(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return -EINVAL;
	}
	return fd;
}

static uint64_t changed_ns(const struct stat *st)
{
	return (uint64_t)st->st_ctim.tv_sec * 1000000000ull + (uint64_t)st->st_ctim.tv_nsec;
}

static void map_file_path(const struct procfs_map *m, char path[MAP_FILE_PATH])
{
	snprintf(path, MAP_FILE_PATH, "/proc/%d/map_files/%llx-%llx", m->task, (unsigned long long)m->start,
		 (unsigned long long)m->end);
}

uint64_t procfs_mapped_changed_ns(const struct procfs_map *m)
{
	char path[MAP_FILE_PATH];
	__cleanup_close int fd = -1;
	struct stat st;

	map_file_path(m, path);
	if (!stat(path, &st))
		return changed_ns(&st);
	fd = procfs_open_mapped(m);
	return fd < 0 || fstat(fd, &st) ? 0 : changed_ns(&st);
}

int procfs_open_mapped(const struct procfs_map *m)
{
	char path[MAP_FILE_PATH];
	struct stat st;
	int fd;

	map_file_path(m, path);
	fd = open_regular(path);
	if (fd >= 0)
		return fd;
	/* map_files wants CAP_CHECKPOINT_RESTORE; the executable has a door of its own, the rest its path. */
	fd = procfs_open_program(m->task);
	if (fd >= 0) {
		if (!fstat(fd, &st) && st.st_ino == m->inode)
			return fd;
		close(fd);
	}
	return procfs_open_by_path(m->task, m->path, m->inode);
}

/* Where a link of its folder in /proc leads; NULL when it is not to be had. Caller frees. */
static char *read_link(pid_t pid, const char *name)
{
	char path[32], target[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	n = readlink(path, target, sizeof(target));
	if (n < 0 && take_other_task(&pid))
		return read_link(pid, name);
	return n < 0 ? NULL : xstrndup(target, (size_t)n);
}

char *procfs_program_path(pid_t pid)
{
	return read_link(pid, "exe");
}

/* Behind `at`, which ends without a slash, the parts of `path`; ".." takes one away again. */
static void append_parts(struct buf *at, const char *path)
{
	while (*path) {
		size_t len = strcspn(path, "/");

		if (len == 2 && !strncmp(path, "..", 2)) {
			while (at->len && at->data[--at->len] != '/')
				;
			if (at->data)
				at->data[at->len] = 0;
		} else if (len && !(len == 1 && *path == '.')) {
			buf_put(at, "/", 1);
			buf_put(at, path, len);
		}
		path += len + (path[len] == '/');
	}
}

/* In a chroot of our own mount namespace links are told as we see them: paths of the process begin behind its root. */
char *procfs_absolute_path(pid_t pid, const char *path)
{
	__cleanup_free char *cwd = read_link(pid, "cwd"), *root = read_link(pid, "root");
	size_t skip = root ? strlen(root) : 0;
	struct buf out = {0};

	if (!cwd || cwd[0] != '/')
		return NULL;
	if (skip < 2 || strncmp(cwd, root, skip) || (cwd[skip] && cwd[skip] != '/'))
		skip = 0;
	append_parts(&out, cwd + skip);
	append_parts(&out, path);
	return buf_steal_text(&out);
}

int procfs_open_program(pid_t pid)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	fd = open_regular(path);
	return fd == -ENOENT && take_other_task(&pid) ? procfs_open_program(pid) : fd;
}

/* `start` is a directory of the process, "root" or "cwd". Links inside a container must never lead out of it to ours. */
static int open_within(pid_t pid, const char *start, const char *path, struct open_how how)
{
	__cleanup_close int dir = -1;
	char name[32];
	int err;
	long fd;

	snprintf(name, sizeof(name), "/proc/%d/%s", pid, start);
	dir = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	err = -errno;
	if (dir < 0)
		return take_other_task(&pid) ? open_within(pid, start, path, how) : err;
	fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));
	return fd < 0 ? -errno : (int)fd;
}

static int open_in_root(pid_t pid, const char *path)
{
	struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
			       .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	int fd = open_within(pid, "root", path, how);
	struct stat st;

	if (fd >= 0 && (fstat(fd, &st) || !S_ISREG(st.st_mode))) {
		close(fd);
		return -EINVAL;
	}
	return fd;
}

bool procfs_has_path(pid_t pid, const char *path)
{
	bool absolute = path[0] == '/';
	struct open_how how = {.flags = O_PATH | O_CLOEXEC,
			       .resolve = (absolute ? RESOLVE_IN_ROOT : RESOLVE_BENEATH) |
					  RESOLVE_NO_MAGICLINKS};
	__cleanup_close int fd = open_within(pid, absolute ? "root" : "cwd", path, how);

	return fd >= 0;
}

int procfs_open_by_path(pid_t pid, const char *path, uint64_t inode)
{
	int fd = open_in_root(pid, path);
	struct stat st;

	if (fd < 0)
		fd = open_regular(path); /* a plain chroot: the path is ours already */
	if (fd >= 0 && (fstat(fd, &st) || st.st_ino != inode)) {
		close(fd);
		return -ENOENT;
	}
	return fd;
}

int procfs_program_file(pid_t pid, struct procfs_file *out)
{
	struct stat st;
	char path[32];
	int err;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	err = stat(path, &st) ? -errno : 0;
	if (err)
		return take_other_task(&pid) ? procfs_program_file(pid, out) : err;
	*out = (struct procfs_file){.inode = st.st_ino, .changed_ns = changed_ns(&st),
				    .dev = (uint32_t)(major(st.st_dev) << 20 | minor(st.st_dev))};
	return 0;
}

int procfs_all(procfs_pid_fn fn, void *ctx)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;

	if (!dir)
		return -errno;
	while ((e = readdir(dir)))
		if (isdigit((unsigned char)e->d_name[0]))
			fn(ctx, atoi(e->d_name));
	closedir(dir);
	return 0;
}

void procfs_descendants(pid_t pid, procfs_pid_fn fn, void *ctx)
{
	char path[64];
	struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		char name[300];
		__cleanup_free char *children = NULL;
		char *save = NULL;

		if (e->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "task/%s/children", e->d_name);
		children = read_proc(pid, name, 1 << 20, NULL);
		for (char *p = children ? strtok_r(children, " ", &save) : NULL; p;
		     p = strtok_r(NULL, " ", &save)) {
			if (atoi(p) <= 0)
				continue;
			fn(ctx, atoi(p));
			procfs_descendants(atoi(p), fn, ctx);
		}
	}
	if (dir)
		closedir(dir);
}

/* False, too, where the kernel is built without kcmp(2). */
bool procfs_borrows_memory(pid_t pid)
{
	pid_t parent;

	return !procfs_stat(pid, NULL, &parent) && parent > 0 && !syscall(SYS_kcmp, pid, parent, KCMP_VM, 0, 0);
}

int procfs_read_memory(pid_t pid, uint64_t addr, void *out, size_t len)
{
	struct iovec local = {out, len}, remote = {(void *)(uintptr_t)addr, len};
	ssize_t n = process_vm_readv(pid, &local, 1, &remote, 1, 0);

	if (n < 0 && errno == ESRCH && take_other_task(&pid))
		return procfs_read_memory(pid, addr, out, len);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EFAULT;
}
