/* The version 2 hierarchy: its mount, and its directories by path. */
#pragma once
#include "user/os/procfs.h"
#include <stdbool.h>
#include <stdint.h>

struct cgroup {
	char *dir;	  /* its directory, and … */
	size_t root_len;  /* … how much of that is the mount's */
	const char *path; /* the rest, or "/" */
};

/* Where cgroup2 is mounted first ("/sys/fs/cgroup" or ".../unified"); NULL when it is not. Caller frees. */
char *cgroup_mount(void);
/*
 * `path`: a directory of the v2 hierarchy, absolute or relative to a mount of it. Logs what is wrong (no such
 * group, a v1 path, v2 not mounted) and returns -ESRCH, -EINVAL or -EOPNOTSUPP.
 */
int cgroup_find(const char *path, struct cgroup *out);
/*
 * Calls `fn` for each directory from the mount's root ("") to the cgroup. The id is what the kernel knows it by, the inode
 * of its directory; 0 when it is not there now.
 */
typedef void (*cgroup_step_fn)(void *ctx, const char *name, uint64_t id);
void cgroup_steps(const struct cgroup *c, cgroup_step_fn fn, void *ctx);
/* Is `inner` the same as `outer`, or below it? */
bool cgroup_holds(const struct cgroup *outer, const struct cgroup *inner);
/* Would cgroup_find() find a directory there? In silence. */
bool cgroup_exists(const char *path);
/* Calls `fn` with the path of each group below the mount ("a/b"), parents first. */
void cgroup_each(void (*fn)(void *ctx, const char *path), void *ctx);
/* Calls `fn` for each process that has a thread in this directory or below it, once. */
void cgroup_members(const char *dir, procfs_pid_fn fn, void *ctx);
void cgroup_clear(struct cgroup *c);
