/* SPDX-License-Identifier: MIT */
/* Processes as /proc shows them. Everything here may be stale the moment it is read. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The main thread may end while others go on. It is a zombie then, and has neither memory nor files: what all the
 * threads share is asked of one that lives, here and in all functions below. `pid` itself while its leader does.
 */
pid_t procfs_living_task(pid_t pid);

/* Leader's start time in ns of CLOCK_BOOTTIME (10 ms steps), and its parent. 0 or -ESRCH. */
int procfs_stat(pid_t pid, uint64_t *start_ns, pid_t *ppid);
/* CPU time in ns (10 ms steps) of its children that have ended, and of theirs (cutime, cstime); 0 when it is gone. */
uint64_t procfs_children_cpu(pid_t pid);
/* Was it forked by that one, with no exec since? By the start of its stack, which each exec changes. */
bool procfs_is_fork_of(pid_t pid, pid_t parent);
/* Start of the first of those that were forked one from the other, down to this one; 0 when it is gone. */
uint64_t procfs_code_start(pid_t pid);
/* "UID GID GROUP…", by which it opens files; NULL when it is gone. Caller frees. */
char *procfs_rights(pid_t pid);
/* argv joined by blanks (the name in brackets when there is none); NULL when the process is gone. Caller frees. */
char *procfs_command(pid_t pid);
/*
 * Calls `fn` with the bytes of its environment as it was given at exec, piece by piece, all of which are wiped afterwards. How many
 * there were, or negative errno. They are in the process's own memory, which can make that last: only in a worker.
 */
int procfs_environ(pid_t pid, void (*fn)(void *ctx, const char *bytes, size_t len), void *ctx);
/* A cmdline's bytes (NUL-separated) joined by blanks. Caller frees. */
char *procfs_join_args(const char *bytes, size_t len);
/* The v2 cgroup path ("/a/b"), "" when unknown. Caller frees. */
char *procfs_cgroup(pid_t pid);
/*
 * Calls `fn` with the path in each version 1 hierarchy that it has a group of, in the order in which they are to be believed: systemd's,
 * then those that engines always make. A nonzero return of the callback stops.
 */
void procfs_cgroups_v1(pid_t pid, int (*fn)(void *ctx, const char *path), void *ctx);
/* CPU time of all its threads, also of those that have ended (clock_getcpuclockid). 0 or negative errno. */
int procfs_cpu_ns(pid_t pid, uint64_t *ns);
/* Its effective user; root when it is gone. */
uid_t procfs_user(pid_t pid);
/* Which mount namespace it lives in; 0 when that is not to be had. */
uint64_t procfs_mounts(pid_t pid);
/* The process that a thread id belongs to; 0 when none. */
pid_t procfs_tgid(pid_t tid);

/* One mapping of a file; a nonzero return of the callback stops and is returned. */
struct procfs_map {
	uint64_t start, end, offset;
	uint64_t inode;
	uint32_t dev; /* kernel encoding: major << 20 | minor */
	bool exec, write, shared;
	pid_t task; /* in whose maps it was found */
	const char *path;
};
typedef int (*procfs_map_fn)(void *ctx, const struct procfs_map *m);
int procfs_maps(pid_t pid, procfs_map_fn fn, void *ctx);
/* The same of all that can be executed, of a file or not ("" or a name in brackets then, and no inode). */
int procfs_code_maps(pid_t pid, procfs_map_fn fn, void *ctx);
/* Opens exactly the mapped file, even a deleted one or one of another mount namespace. fd or negative errno. */
int procfs_open_mapped(const struct procfs_map *m);
/* Its ctime in ns, which tells it from a later file with its inode; 0 when it cannot be had. */
uint64_t procfs_mapped_changed_ns(const struct procfs_map *m);

/* The program's path as the process has it; NULL when it is not to be had. Caller frees. */
char *procfs_program_path(pid_t pid);
/* Is that the name of its standard output or error? What it is is not looked at, which could take long. */
bool procfs_prints_to(pid_t pid, const char *file);
/* Opens the program of a process, and a file by its path in the process's root (with this inode only). */
int procfs_open_program(pid_t pid);
int procfs_open_by_path(pid_t pid, const char *path, uint64_t inode);
/* A relative path made absolute by its working directory; NULL when that is not to be had. Caller frees. */
char *procfs_absolute_path(pid_t pid, const char *path);
/* The program's file as the kernel side names it; 0 or negative errno. */
struct procfs_file {
	uint64_t inode, changed_ns;
	uint32_t dev; /* kernel encoding */
};
int procfs_program_file(pid_t pid, struct procfs_file *out);

/* Calls `fn` for each process on the host, each descendant. */
typedef void (*procfs_pid_fn)(void *ctx, pid_t pid);
int procfs_all(procfs_pid_fn fn, void *ctx);
void procfs_descendants(pid_t pid, procfs_pid_fn fn, void *ctx);

/* Does it run in its parent's memory? vfork() and posix_spawn() make such children, until they exec. */
bool procfs_borrows_memory(pid_t pid);
/* Copies memory of another process; 0 or negative errno (-EFAULT when it is not all there). */
int procfs_read_memory(pid_t pid, uint64_t addr, void *out, size_t len);
/* Where a path of /proc/PID/maps is in that process's own root: a part of `path`. */
const char *procfs_path_in_root(pid_t pid, const char *path);
/* Bytes of data of this program, as RLIMIT_DATA counts them. */
uint64_t procfs_own_data_bytes(void);
