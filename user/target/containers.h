/* SPDX-License-Identifier: MIT */
/* The containers of this host, and the units of systemd, by the cgroups that processes are in. */
#pragma once
#include "user/target/container_path.h"
#include <stdint.h>
#include <sys/types.h>

/* Texts are clean, but `path`; "" where nothing is known. */
struct container {
	const char *runtime; /* "docker"; NULL: no container, but a unit */
	char *id, *name, *pod, *namespace, *unit;
	char *compose_project, *compose_service; /* of Docker Compose, or a stack of Swarm */
	char *path;                              /* of its cgroup, or of the unit's */
	size_t pod_len;                          /* how much of the path is the pod's; 0 none */
	char *pod_id;
	size_t outer_len;  /* as in struct container_place */
	uid_t owner;       /* whose engine or manager it is */
	unsigned revision; /* goes up when more is known of it */
	unsigned refs;     /* of others */
};

struct containers;

/* `root`: below which engines keep their files, "" but for tests. */
struct containers *containers__new(const char *root);
void containers__free(struct containers *c);

/* A cgroup with this id was made. It may be gone before a process that was in it is asked about. */
void containers__made(struct containers *c, uint64_t cgroup_id, const char *path);
/*
 * What a process in the cgroup with this id (0 unknown) is in; NULL: nothing that is known. `*path` becomes the cgroup's
 * (the caller frees it). Files are read once for each container. Valid until the next call, or for who holds it.
 */
struct container *containers__of_process(struct containers *c, uint64_t cgroup_id, pid_t pid, char **path);
/* Now and then: forgets those that no process is in any more, and was not since the last time. */
void containers__tend(struct containers *c);
size_t containers__count(const struct containers *c);
/* NULL is no container, and held and put like one. */
struct container *container__hold(struct container *k);
void container__put(struct container *k);

/* Calls `fn` for each that has a cgroup now, units too. */
typedef void (*container_fn)(void *ctx, struct container *k);
void containers__each(struct containers *c, container_fn fn, void *ctx);
const char *containers__root(const struct containers *c);

/* "web", "pod/app", "nginx.service": what people call it. Caller frees. */
char *container__text(const struct container *k);
