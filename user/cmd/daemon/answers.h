/* SPDX-License-Identifier: MIT */
/* What the daemon answers by HTTP: /metrics, /healthz, /profile (user/serve/serve.h). */
#pragma once
#include "user/cmd/daemon/delivery.h"
#include "user/cmd/daemon/files.h"
#include "user/serve/serve.h"

struct answer;

/* What there is to tell of; the daemon's own. */
struct answers_of {
	struct session *session;
	struct stream *stream;
	const struct delivery *delivery;
	const struct files *files;
	uint64_t window_ns;
	size_t targets; /* that were chosen; all are one */
};

struct answers {
	struct serve *serve; /* NULL: nobody asks */
	char *where;
	struct answer *first;
	struct answers_of of;
	uint64_t started_unix_ns;
	uint64_t windows, window_end_unix_ns; /* so far, and when the last one ended; 0 none yet */
	uint64_t turned_ns;                   /* the same of CLOCK_MONOTONIC, or when it started */
	uint64_t late_ns;                     /* from its end until it was handed over */
	uint64_t stacks;                      /* of the last one */
	uint64_t samples[PROFILE_MAX_TYPES];  /* of all of them, by type */
	uint64_t now_ns;                      /* of the last __poll */
};

/* `listen` NULL: nowhere. 0 or negative errno, which was said. */
int answers__open(struct answers *a, const char *listen);
/* Somewhere else from now on, or nowhere; when that cannot be, which is said, where it was. */
void answers__listen(struct answers *a, const char *listen, const struct answers_of *of);
/* -1: nothing to wait for. */
int answers__fd(const struct answers *a);
void answers__poll(struct answers *a, const struct answers_of *of, uint64_t now_ns);
void answers__count_window(struct answers *a, const struct profile *p);
void answers__close(struct answers *a);
