/* SPDX-License-Identifier: MIT */
/*
 * What --container chose: a container, a pod or a unit by the beginning of its id or name, found again under the same name
 * when it was started anew as another.
 */
#pragma once
#include "user/os/procfs.h"
#include "user/target/containers.h"

struct container_choice;

/* 0, or -ESRCH: none or several begin so, which was said. */
int container_choice__find(struct containers *c, const char *text, struct container_choice **out);
void container_choice__free(struct container_choice *h);
/* Calls `fn` with the path of each cgroup that it has now: mostly one. */
void container_choice__each_path(const struct container_choice *h, struct containers *c,
				 void (*fn)(void *ctx, const char *path), void *ctx);
/* Calls `fn` for each process in them. */
void container_choice__each_process(const struct container_choice *h, struct containers *c, procfs_pid_fn fn,
				    void *ctx);
/* "web (podman 3f2a91c04bd2)". Lives as long as the choice. */
const char *container_choice__text(const struct container_choice *h);
