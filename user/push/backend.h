/* SPDX-License-Identifier: MIT */
/* Back ends are rows of a table, one file each: how a window becomes requests, and what an answer means. Pure. */
#pragma once
#include "user/push/group.h"
#include "user/util/buf.h"

/* Takes a finished request body. */
typedef void (*push_body_fn)(void *ctx, struct buf *body, uint64_t samples);

struct backend {
	const char *name; /* the scheme of its URLs: "pyroscope" as in pyroscope+http://HOST:PORT/PATH */
	const char *help; /* one line, for --help */
	const char *path; /* appended to the URL's */
	const char *content_type;
	bool gzip; /* it takes Content-Encoding: gzip */
	/*
	 * Calls `fn` for each request body; groups are put together up to the back end's limits and split beyond them. Each sample is in
	 * exactly one body; `samples` is how many are in this one.
	 */
	void (*encode)(const struct push_window *w, push_body_fn fn, void *ctx);
	/* What the server said, from the body of a refusal, for people; clean. Caller frees. */
	char *(*reason)(const char *body, size_t len);
	/*
	 * What it left out of a body that it took, from the answer: how many profiles, and `*why` in its words, also when it only warns
	 * (NULL: it said nothing). Caller frees. NULL: this back end takes all or nothing.
	 */
	uint64_t (*left_out)(const char *body, size_t len, char **why);
};

extern const struct backend backend_pyroscope, backend_parca, backend_otlp;
extern const struct backend *const backends[]; /* NULL-terminated */
