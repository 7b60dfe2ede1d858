/* SPDX-License-Identifier: MIT */
/* Small readers of /proc. Kernel documentation: Documentation/filesystems/proc.rst. */
#include "user/os/procfs.h"
#include "user/os/stat_text.h"
#include "user/os/tasks.h"
#include "user/os/untrusted.h"
#include "user/os/worker.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include "user/util/clock.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/kcmp.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <time.h>

#define MAP_FILE_LINK 64
#define ENVIRON_MAX   (8 << 20) /* more than exec(2) takes */
#define MAPS_BUFFER                                                                                                    \
	(32 << 10) /* of maps at once; a line has a path of PATH_MAX at most, each newline in it as four characters */

/* The whole file, at most `max` bytes. 0 or negative errno. */
static int read_proc_into(pid_t pid, const char *name, size_t max, struct buf *out)
{
	char path[64], chunk[4096];
	__cleanup_close int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (out->len < max && (n = read(fd, chunk, sizeof(chunk))) > 0)
		buf_put(out, chunk, (size_t)n);
	return 0;
}

/* NULL when it cannot be read. */
static char *read_proc(pid_t pid, const char *name, size_t max)
{
	struct buf out = {0};

	return read_proc_into(pid, name, max, &out) ? NULL : buf_steal_text(&out);
}

/* ---- a process whose main thread has ended ------------------------------------------------------------ */

pid_t procfs_living_task(pid_t pid)
{
	struct dirent *e;
	char path[32];
	pid_t found = pid;
	DIR *dir;

	if (!task_has_ended(pid, pid))
		return pid;
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && found == pid && (e = readdir(dir)))
		if (isdigit((unsigned char)e->d_name[0]) && !task_has_ended(pid, atoi(e->d_name)))
			found = atoi(e->d_name);
	if (dir)
		closedir(dir);
	return found;
}

/* For a leader that has nothing (any more) under a name: /proc/TID is there for each of its threads. */
static bool next_task(pid_t *pid)
{
	pid_t other = procfs_living_task(*pid);

	if (other == *pid)
		return false;
	*pid = other;
	return true;
}

/* ---- texts -------------------------------------------------------------------------------------------- */

struct proc_text {
	pid_t pid;
	size_t max;
	char name[16];
};

static int read_text(const void *arg, struct buf *reply)
{
	const struct proc_text *q = arg;

	return read_proc_into(q->pid, q->name, q->max, reply);
}

/*
 * For files that the kernel fills from the process's own memory, or under its locks: the process can make that last for
 * ever.
 */
static char *read_proc_aside(pid_t pid, const char *name, size_t max, size_t *len)
{
	struct proc_text q = {.pid = pid, .max = max};
	const struct worker_task t = {.pid = pid, .fn = read_text, .arg = &q, .len = sizeof(q)};
	struct buf reply = {0};

	snprintf(q.name, sizeof(q.name), "%s", name);
	if (!worker_call(&t, &reply)) {
		*len = reply.len;
		return buf_steal_text(&reply);
	}
	buf_free(&reply);
	return NULL;
}

static uint64_t tick_ns(void)
{
	return 1000000000ull / (uint64_t)sysconf(_SC_CLK_TCK);
}

int procfs_stat(pid_t pid, uint64_t *start_ns, pid_t *ppid)
{
	__cleanup_free char *text = read_proc(pid, "stat", 4096);

	if (!stat_field(text, 22))
		return -ESRCH;
	if (start_ns)
		*start_ns = stat_number(text, 22) * tick_ns();
	if (ppid)
		*ppid = (pid_t)stat_number(text, 4);
	return 0;
}

/* startstack; 0 when we may not know */
static uint64_t stack_start(pid_t pid)
{
	__cleanup_free char *text = read_proc(pid, "stat", 4096);

	return stat_number(text, 28);
}

uint64_t procfs_children_cpu(pid_t pid)
{
	__cleanup_free char *text = read_proc(pid, "stat", 4096);

	return (stat_number(text, 16) + stat_number(text, 17)) * tick_ns();
}

bool procfs_is_fork_of(pid_t pid, pid_t parent)
{
	uint64_t start = stack_start(pid);

	return start && start == stack_start(parent);
}

uint64_t procfs_code_start(pid_t pid)
{
	uint64_t start = 0, next;
	pid_t parent, grandparent;

	if (procfs_stat(pid, &start, &parent))
		return 0;
	while (parent > 0 && procfs_is_fork_of(pid, parent) && !procfs_stat(parent, &next, &grandparent) &&
	       next <= start) {
		pid = parent;
		parent = grandparent;
		start = next;
	}
	return start;
}

/* The last of the four ids on such a line is the file system's. */
static bool last_id(const char *status, const char *key, unsigned *id)
{
	const char *line = strstr(status, key);

	return line && sscanf(line + strlen(key), "%*u %*u %*u %u", id) == 1;
}

/* Of the leader's thread: where threads differ, it is the one that loaded the program. */
char *procfs_rights(pid_t pid)
{
	__cleanup_free char *status = read_proc(pid, "status", 1 << 20);
	const char *groups = status ? strstr(status, "\nGroups:\t") : NULL;
	unsigned uid, gid;
	size_t len;

	if (!groups || !last_id(status, "\nUid:", &uid) || !last_id(status, "\nGid:", &gid))
		return NULL;
	groups += strlen("\nGroups:\t");
	len = strcspn(groups, "\n");
	while (len && groups[len - 1] == ' ')
		len--;
	return xasprintf("%u %u%s%.*s", uid, gid, len ? " " : "", (int)len, groups);
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
	__cleanup_free char *text = read_proc_aside(pid, "cmdline", 4096, &len);
	__cleanup_free char *comm = NULL;

	if (!text)
		return NULL;
	if (len)
		return procfs_join_args(text, len);
	if (next_task(&pid))
		return procfs_command(pid);
	comm = read_proc(pid, "comm", 64);
	if (!comm)
		return NULL;
	comm[strcspn(comm, "\n")] = 0;
	return xasprintf("[%s]", comm);
}

int procfs_environ(pid_t pid, void (*fn)(void *ctx, const char *bytes, size_t len), void *ctx)
{
	char path[64], chunk[4096];
	__cleanup_close int fd = -1;
	int total = 0;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/environ", procfs_living_task(pid));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	while (total < ENVIRON_MAX && (n = read(fd, chunk, sizeof(chunk))) > 0) {
		fn(ctx, chunk, (size_t)n);
		total += (int)n;
	}
	explicit_bzero(chunk, sizeof(chunk));
	return total;
}

char *procfs_cgroup(pid_t pid)
{
	__cleanup_free char *text = read_proc(pid, "cgroup", 65536);
	char *save = NULL;

	for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save))
		if (!strncmp(line, "0::", 3))
			return xstrdup(line + 3);
	return xstrdup("");
}

/* Of a line "4:cpu,cpuacct:/a/b": has it that one? */
static bool has_controller(const char *names, size_t len, const char *name)
{
	size_t want = strlen(name);

	for (size_t at = 0; at + want <= len; at++) {
		bool begins = !at || names[at - 1] == ',', ends = at + want == len || names[at + want] == ',';

		if (begins && ends && !memcmp(names + at, name, want))
			return true;
	}
	return false;
}

/* The path of the first hierarchy with that controller (NULL: any); NULL: none, or no group but the root. */
static char *path_v1(const char *text, const char *controller)
{
	for (const char *line = text, *next; *line; line = next) {
		size_t len = strcspn(line, "\n");
		const char *names = memchr(line, ':', len);
		const char *path = names ? memchr(names + 1, ':', len - (size_t)(names + 1 - line)) : NULL;
		bool is_v1 = path && path > names + 1;

		if (is_v1 && len > (size_t)(path + 2 - line) &&
		    (!controller || has_controller(names + 1, (size_t)(path - names - 1), controller)))
			return xstrndup(path + 1, len - (size_t)(path + 1 - line));
		next = line + len + (line[len] != 0);
	}
	return NULL;
}

void procfs_cgroups_v1(pid_t pid, int (*fn)(void *ctx, const char *path), void *ctx)
{
	static const char *const controllers[] = {"name=systemd", "pids", "cpu", "memory", NULL};
	__cleanup_free char *text = read_proc(pid, "cgroup", 65536);
	int stop = 0;

	for (size_t i = 0; text && !stop && i < ARRAY_SIZE(controllers); i++) {
		__cleanup_free char *path = path_v1(text, controllers[i]);

		stop = path ? fn(ctx, path) : 0;
	}
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
	*ns = clock_of(&t);
	return 0;
}

uid_t procfs_user(pid_t pid)
{
	struct stat st;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", pid);
	return stat(path, &st) ? 0 : st.st_uid;
}

uint64_t procfs_mounts(pid_t pid)
{
	struct stat st;
	char path[48];

	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", procfs_living_task(pid));
	return stat(path, &st) ? 0 : st.st_ino;
}

pid_t procfs_tgid(pid_t tid)
{
	__cleanup_free char *text = read_proc(tid, "status", 16384);
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

struct maps_query {
	pid_t pid;
	bool code; /* what can be executed, else what is of files */
};

/* Whole lines of `text`, which is changed; gives how many bytes of it they were. */
static size_t each_map(char *text, const struct maps_query *q, procfs_map_fn fn, void *ctx, int *stop)
{
	char *line = text, *end;

	for (; !*stop && (end = strchr(line, '\n')); line = end + 1) {
		struct procfs_map m;

		*end = 0;
		if (!parse_map(line, &m) || !(q->code ? m.exec : m.inode != 0))
			continue;
		m.task = q->pid;
		*stop = fn(ctx, &m);
	}
	return (size_t)(line - text);
}

/* A piece at a time: a process may have millions of them. */
static int stream_maps(const struct maps_query *q, procfs_map_fn fn, void *ctx)
{
	const struct maps_query living = {procfs_living_task(q->pid), q->code};
	__cleanup_free char *text = xmalloc(MAPS_BUFFER + 1);
	__cleanup_close int fd = -1;
	size_t len = 0, used;
	char path[32];
	int stop = 0;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/maps", living.pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == EACCES || errno == EPERM ? -EPERM : -ESRCH;
	while (!stop && len < MAPS_BUFFER && (n = read(fd, text + len, MAPS_BUFFER - len)) > 0) {
		len += (size_t)n;
		text[len] = 0;
		used = each_map(text, &living, fn, ctx, &stop);
		len -= used;
		memmove(text, text + used, len);
	}
	return stop;
}

static int keep_map(void *ctx, const struct procfs_map *m)
{
	struct buf *reply = ctx;

	buf_put(reply, m, sizeof(*m));
	buf_put(reply, m->path, strlen(m->path) + 1);
	return 0;
}

static int read_maps(const void *arg, struct buf *reply)
{
	return stream_maps(arg, keep_map, reply);
}

static int each_kept_map(const struct buf *reply, procfs_map_fn fn, void *ctx)
{
	const char *at = reply->data, *end = at + reply->len;
	struct procfs_map m;
	int stop = 0;

	for (; !stop && at < end; at = m.path + strlen(m.path) + 1) {
		memcpy(&m, at, sizeof(m));
		m.path = at + sizeof(m);
		stop = fn(ctx, &m);
	}
	return stop;
}

/* Inside the worker nothing is kept: most of the work on maps is done there. */
static int read_maps_aside(const struct maps_query *q, procfs_map_fn fn, void *ctx)
{
	const struct worker_task t = {.pid = q->pid, .fn = read_maps, .arg = q, .len = sizeof(*q)};
	struct buf reply = {0};
	int err;

	if (worker_is_inside())
		return stream_maps(q, fn, ctx);
	err = worker_call(&t, &reply);
	if (!err)
		err = each_kept_map(&reply, fn, ctx);
	buf_free(&reply);
	return err == -EIO ? -ESRCH : err;
}

int procfs_maps(pid_t pid, procfs_map_fn fn, void *ctx)
{
	return read_maps_aside(&(struct maps_query){.pid = pid}, fn, ctx);
}

int procfs_code_maps(pid_t pid, procfs_map_fn fn, void *ctx)
{
	return read_maps_aside(&(struct maps_query){.pid = pid, .code = true}, fn, ctx);
}

/* ---- files -------------------------------------------------------------------------------------------- */

static void map_file_link(const struct procfs_map *m, char link[MAP_FILE_LINK])
{
	snprintf(link, MAP_FILE_LINK, "map_files/%llx-%llx", (unsigned long long)m->start, (unsigned long long)m->end);
}

uint64_t procfs_mapped_changed_ns(const struct procfs_map *m)
{
	char link[MAP_FILE_LINK];
	__cleanup_close int fd = -1;
	struct stat st;

	map_file_link(m, link);
	if (!stat_untrusted_link(m->task, link, &st))
		return clock_of(&st.st_ctim);
	fd = procfs_open_mapped(m);
	return fd < 0 || fstat(fd, &st) ? 0 : clock_of(&st.st_ctim);
}

/* fd when it is open and has that inode. */
static int with_inode(int fd, uint64_t inode)
{
	struct stat st;

	if (fd >= 0 && (fstat(fd, &st) || st.st_ino != inode)) {
		close(fd);
		return -ENOENT;
	}
	return fd;
}

int procfs_open_mapped(const struct procfs_map *m)
{
	char link[MAP_FILE_LINK];
	int fd;

	map_file_link(m, link);
	fd = open_untrusted_link(m->task, link, UNTRUSTED_ELF_MAX);
	if (fd >= 0)
		return fd;
	/* map_files wants CAP_CHECKPOINT_RESTORE; the executable has a door of its own, the rest its path. */
	fd = with_inode(procfs_open_program(m->task), m->inode);
	return fd >= 0 ? fd : procfs_open_by_path(m->task, m->path, m->inode);
}

/* The target of a link in its folder of /proc; NULL when it is not to be had. Caller frees. */
static char *read_link(pid_t pid, const char *name)
{
	char path[32], target[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	n = readlink(path, target, sizeof(target));
	if (n < 0 && next_task(&pid))
		return read_link(pid, name);
	return n < 0 ? NULL : xstrndup(target, (size_t)n);
}

char *procfs_program_path(pid_t pid)
{
	return read_link(pid, "exe");
}

bool procfs_prints_to(pid_t pid, const char *file)
{
	__cleanup_free char *out = read_link(pid, "fd/1"), *err = read_link(pid, "fd/2");

	return (out && !strcmp(out, file)) || (err && !strcmp(err, file));
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

/* In a chroot of our own mount namespace links are shown as we see them: paths of the process begin behind its root. */
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
	return open_untrusted_link(pid, "exe", UNTRUSTED_ELF_MAX);
}

/*
 * Paths in /proc/PID/maps are seen from our root where that is possible: of a process that was put into a directory by
 * chroot() they begin with that directory.
 */
const char *procfs_path_in_root(pid_t pid, const char *path)
{
	__cleanup_free char *root = read_link(pid, "root");
	size_t len = root ? strlen(root) : 0;

	return len > 1 && !strncmp(path, root, len) && path[len] == '/' ? path + len : path;
}

int procfs_open_by_path(pid_t pid, const char *path, uint64_t inode)
{
	return with_inode(open_untrusted(pid, procfs_path_in_root(pid, path), UNTRUSTED_ELF_MAX), inode);
}

int procfs_program_file(pid_t pid, struct procfs_file *out)
{
	struct stat st;
	int err = stat_untrusted_link(pid, "exe", &st);

	if (err)
		return err;
	*out = (struct procfs_file){.inode = st.st_ino,
				    .changed_ns = clock_of(&st.st_ctim),
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
		children = read_proc(pid, name, 1 << 20);
		for (char *p = children ? strtok_r(children, " ", &save) : NULL; p; p = strtok_r(NULL, " ", &save)) {
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

	if (n < 0 && errno == ESRCH && next_task(&pid))
		return procfs_read_memory(pid, addr, out, len);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EFAULT;
}

/* Pages: size, resident, shared, text, 0, data. */
uint64_t procfs_own_data_bytes(void)
{
	__cleanup_free char *text = read_proc(getpid(), "statm", 256);
	unsigned long long pages = 0;

	if (!text || sscanf(text, "%*u %*u %*u %*u %*u %llu", &pages) != 1)
		return 0;
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}
