/* SPDX-License-Identifier: MIT */
/*
 * Which container a process is in, by the path of its cgroup alone: container engines, kubelet and systemd name the
 * directories that they make after what is in them. Pure; what else is known of a container is in container_state.h.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#define CONTAINER_ID 256 /* of a machine its name */

struct container_place {
	const char *runtime; /* "docker"; "container": one that the path does not tell; NULL: in none */
	char id[CONTAINER_ID];
	size_t len;              /* how much of the path leads to its own directory */
	size_t outer_len;        /* … and to that of the container that its engine runs in; 0: in none */
	char pod_id[64];         /* of Kubernetes; "" none */
	size_t pod_len;          /* … and how much of the path leads to its directory */
	char unit[CONTAINER_ID]; /* systemd's unit around it, or that it is in without a container; "" none */
	size_t unit_len;
};

/*
 * `path` as in /proc/PID/cgroup. What lies inside a container is its own business: the outermost counts;
 * but a pod in a node of Kubernetes that is a container itself (kind, minikube) is what people mean, and its container counts.
 */
void container_of_path(const char *path, struct container_place *out);
/* Names that systemd escapes: "a\x2db" is "a-b" (systemd.unit(5)). In place. */
void container_unescape(char *name);
