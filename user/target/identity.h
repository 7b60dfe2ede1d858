/* SPDX-License-Identifier: MIT */
/*
 * What a process says that it is: the service that OpenTelemetry's variables name, and nothing else of its environment. Read at
 * first sight of a process image, when it was asked for, and kept with it, so that it is known when the process is gone.
 */
#pragma once
#include "user/target/processes.h"

#define IDENTITY_SERVICE 254 /* bytes and the end */

/*
 * For one that cannot be asked any more, its parent's in the same cgroup stands in. `p->cgroup` is known by now. Called
 * again for an image it does nothing.
 */
void identity_set(const struct processes *t, struct process *p);
/* Of a process that lives: "" when it has none. 0 or negative errno. */
int identity_read_service(pid_t pid, char out[IDENTITY_SERVICE]);

/* An environment in pieces (environ(7)); zeroed at first. Only values of the two variables are ever in it. */
struct identity_scan {
	char word[64];   /* the beginning of the present variable */
	size_t word_len; /* of all of it so far */
	int variable;    /* whose value it is: 1 + its index; 0 not known yet, -1 nobody's */
	char *values[2]; /* as long as they are bearable; NULL: not there */
	size_t lens[2];
};
void identity_scan__feed(struct identity_scan *s, const char *bytes, size_t len);
/* Clean. The scan is cleared. */
void identity_scan__end(struct identity_scan *s, char out[IDENTITY_SERVICE]);
