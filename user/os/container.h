/* SPDX-License-Identifier: MIT */
/* Are we inside a container, and what does that keep from us? */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

/* "docker", "podman", "lxc", … or "container"; NULL: none that shows. Caller frees. */
char *container_name(void);
/* A PID or user namespace that is not the kernel's first: pids are others there; capabilities do not count. */
bool container_own_pids(void);
bool container_own_users(void);
/* A cgroup namespace that is not the first: groups beside and above its root are not seen. */
bool container_own_cgroups(void);
/* A filter on system calls is in force (seccomp). */
bool container_filters_calls(void);
/* The process whose number is `pid` inside its own PID namespace: its number here; 0 none. */
pid_t container_find_pid(pid_t pid);
/* The number a process has inside its innermost PID namespace; 0 when it is the same as here. */
pid_t container_inner_pid(pid_t pid);
