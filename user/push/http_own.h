/* SPDX-License-Identifier: MIT */
/* The parts of http_own.c: connections that are waited for no longer than they may be, and TLS over one. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* How long, and unless who says otherwise. */
struct patience {
	uint64_t end_ns;  /* of CLOCK_MONOTONIC */
	const bool *stop; /* atomically read; NULL never */
};

/* Until the descriptor is ready. 0, -ETIMEDOUT or -ECANCELED; without a descriptor (-1) for a moment. */
int patience_wait(const struct patience *p, int fd, short events);
/* What such an error is called. */
const char *patience_error(int err);

#define OWN_ERROR_SIZE 256 /* of struct http_answer's error */

/* A socket that does not block, or negative errno with `error`, a sentence. */
int own_connect(const char *host, unsigned port, const struct patience *p, char *error);

struct tls;
struct tls *tls__new(void);
void tls__free(struct tls *t);
/* Certificates against the file, or the system's; and the name or address of the host. 0 or negative errno with `error`. */
int tls__start(struct tls *t, int fd, const char *host, const char *ca_file, const struct patience *p, char *error);
void tls__stop(struct tls *t);
/* How many bytes; 0: the other side has ended; negative errno. */
ssize_t tls__send(struct tls *t, const char *bytes, size_t len, const struct patience *p);
ssize_t tls__recv(struct tls *t, char *bytes, size_t len, const struct patience *p);
