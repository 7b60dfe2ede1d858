/* SPDX-License-Identifier: MIT */
/*
 * What engines say of their containers in files of their own, read without asking anybody: the names. The files are the
 * host's, but who started a container chose what is in them, and a user's own engine keeps them where that user likes.
 */
#pragma once
#include "user/target/container_path.h"
#include <sys/types.h>

#define CONTAINER_WORD 254 /* bytes and the end; names of Kubernetes have 253 at most */

struct container_query {
	char root[64];       /* the files are looked for below it; "" */
	const char *runtime; /* as in struct container_place */
	char id[CONTAINER_ID];
	uid_t owner;      /* whose engine made it */
	pid_t pid;        /* a process in it; 0: none that is known */
	char path[512];   /* of its cgroup, to know the process that watches it from those in it; "" */
	pid_t root_pid;   /* in whose root they are looked for; 0: ours, or found by outer_len */
	size_t outer_len; /* as in struct container_place: its engine's files are in there */
	char pod_id[64];  /* … and that */
};

struct container_names {
	const char *runtime; /* better than it was known; NULL: it is not */
	/* Clean, "" unknown. */
	char name[CONTAINER_WORD], pod[CONTAINER_WORD], namespace[CONTAINER_WORD];
	char compose_project[CONTAINER_WORD], compose_service[CONTAINER_WORD];
	char type[CONTAINER_WORD]; /* of Kubernetes: "sandbox" is what holds a pod's namespaces */
};

/* False, and no names, when nothing is known or nothing answers. */
bool container_read_names(const struct container_query *q, struct container_names *out);
/* The unit of a machine that systemd-machined knows, "" when it knows none. */
void container_read_machine(const char *root, const char *name, char unit[CONTAINER_ID]);
