/* SPDX-License-Identifier: MIT */
/* Hierarchies of cgroups: their mounts, and their directories by path. Nearly always it is the version 2 one. */
#pragma once
#include "user/os/procfs.h"
#include <stdbool.h>
#include <stdint.h>

struct cgroup {
	char *dir;        /* its directory, and … */
	size_t root_len;  /* … how much of that is the mount's */
	const char *path; /* the rest, or "/" */
	/* Of version 1: a controller of the hierarchy, and the hierarchy's number; else "" and 0. */
	char controller[32];
	int hierarchy;
};

/* The first mount point of cgroup2 ("/sys/fs/cgroup" or ".../unified"); NULL when there is none. Caller frees. */
char *cgroup_mount(void);
/*
 * `path`: a directory of the v2 hierarchy, absolute or relative to a mount of it; or an absolute one of a version 1
 * hierarchy that has a controller. Logs what is wrong and returns -ESRCH, -EINVAL or -EOPNOTSUPP.
 */
int cgroup_find(const char *path, struct cgroup *out);
/*
 * Calls `fn` for each directory from the mount's root ("") to the cgroup. The id is what the kernel knows it by, the
 * inode of its directory; 0 when it is not there now.
 */
typedef void (*cgroup_step_fn)(void *ctx, const char *name, uint64_t id);
void cgroup_steps(const struct cgroup *c, cgroup_step_fn fn, void *ctx);
/* Is `inner` the same as `outer`, or below it? */
bool cgroup_holds(const struct cgroup *outer, const struct cgroup *inner);
/* Would cgroup_find() find a directory there? In silence. */
bool cgroup_exists(const char *path);
/*
 * The path below the mount of the group that the kernel knows by this id; NULL: it is gone, or not below the mount. Needs
 * CAP_DAC_READ_SEARCH. Caller frees.
 */
char *cgroup_path_of_id(uint64_t id);
/* Calls `fn` with the path of each group below the mount ("a/b"), parents first. */
void cgroup_each(void (*fn)(void *ctx, const char *path), void *ctx);
/* Calls `fn` for each process that has a thread in this directory or below it, once. */
void cgroup_members(const char *dir, procfs_pid_fn fn, void *ctx);
void cgroup_clear(struct cgroup *c);
