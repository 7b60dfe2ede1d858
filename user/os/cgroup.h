/* The version 2 hierarchy: its mount, and its directories by path. */
#pragma once
#include "user/os/procfs.h"
#include <stdbool.h>
#include <stdint.h>

/* One cgroup as the kernel side compares it. */
struct cgroup {
	uint64_t id;	/* inode of its directory = bpf_get_current_cgroup_id() */
	uint32_t level; /* depth below the root of the hierarchy */
	char *dir;	/* its directory */
	char *path;	/* below the mount: "/a/b" */
};

/* Where cgroup2 is mounted ("/sys/fs/cgroup" or ".../unified"); NULL when it is not. Caller frees. */
char *cgroup_mount(void);
/*
 * `path`: a directory of the v2 hierarchy, absolute or relative to its mount. Logs what is wrong (no such
 * group, a v1 path, v2 not mounted) and returns -ESRCH, -EINVAL or -EOPNOTSUPP.
 */
int cgroup_find(const char *path, struct cgroup *out);
/* Would cgroup_find() find a directory there? In silence. */
bool cgroup_exists(const char *path);
/* Calls `fn` with the path of each group below the mount ("a/b"), parents first. */
void cgroup_each(void (*fn)(void *ctx, const char *path), void *ctx);
/* Calls `fn` for each process that has a thread in this directory or below it, once. */
void cgroup_members(const char *dir, procfs_pid_fn fn, void *ctx);
void cgroup_clear(struct cgroup *c);
