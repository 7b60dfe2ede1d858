/* SPDX-License-Identifier: MIT */
/*
 * The numbers of the first namespaces are fixed (include/linux/proc_ns.h); what kind of container
 * it is can only be guessed from what its makers leave behind (systemd: CONTAINER_INTERFACE).
 */
#include "user/os/container.h"
#include "user/os/procfs.h"
#include "user/util/alloc.h"
#include "user/util/text.h"
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define INIT_USER_INODE   0xEFFFFFFDu /* PROC_USER_INIT_INO */
#define INIT_PID_INODE    0xEFFFFFFCu /* PROC_PID_INIT_INO */
#define INIT_CGROUP_INODE 0xEFFFFFFBu /* PROC_CGROUP_INIT_INO */

static bool is_other_namespace(const char *path, uint32_t first)
{
	struct stat st;

	return !stat(path, &st) && st.st_ino != first;
}

bool container_own_pids(void)
{
	return is_other_namespace("/proc/self/ns/pid", INIT_PID_INODE);
}

bool container_own_users(void)
{
	return is_other_namespace("/proc/self/ns/user", INIT_USER_INODE);
}

bool container_own_cgroups(void)
{
	return is_other_namespace("/proc/self/ns/cgroup", INIT_CGROUP_INODE);
}

static long status_number(pid_t pid, const char *key)
{
	__cleanup_free char *path = xasprintf("/proc/%d/status", pid);
	__cleanup_file FILE *f = fopen(path, "re");
	size_t len = strlen(key);
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		const char *last = strrchr(line, '\t');

		if (!strncmp(line, key, len) && last)
			return atol(last + 1);
	}
	return 0;
}

bool container_filters_calls(void)
{
	return status_number(getpid(), "Seccomp:") == 2;
}

pid_t container_inner_pid(pid_t pid)
{
	pid_t inner = (pid_t)status_number(pid, "NSpid:");

	return inner == pid ? 0 : inner;
}

struct search {
	pid_t inner, found;
};

static void compare(void *ctx, pid_t pid)
{
	struct search *s = ctx;

	if (!s->found && container_inner_pid(pid) == s->inner)
		s->found = pid;
}

pid_t container_find_pid(pid_t pid)
{
	struct search s = {.inner = pid};

	procfs_all(compare, &s);
	return s.found;
}

char *container_name(void)
{
	const char *named = getenv("container");

	if (!access("/.dockerenv", F_OK))
		return xstrdup("docker");
	if (!access("/run/.containerenv", F_OK))
		return xstrdup("podman");
	if (named && *named)
		return text_clean(named, strnlen(named, 32), 0);
	if (getenv("KUBERNETES_SERVICE_HOST"))
		return xstrdup("kubernetes");
	return container_own_pids() ? xstrdup("container") : NULL;
}
