/* SPDX-License-Identifier: MIT */
/* Sockets that listen where only this machine can reach them. */
#pragma once
#include <sys/types.h>

struct listen_at {
	int fd;
	char *url;  /* "http://127.0.0.1:9100", or the path of the unix socket */
	char *path; /* of the unix socket; NULL: it is TCP */
	dev_t dev;
	ino_t ino; /* of the unix socket: the path may be another's in the end */
};

/* As serve__new() has `where`. 0 or negative errno, which was said. */
int listen_open(const char *where, struct listen_at *out);
/* Removes the unix socket, too. */
void listen_close(struct listen_at *l);
