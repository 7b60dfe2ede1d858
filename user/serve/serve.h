/* SPDX-License-Identifier: MIT */
/*
 * HTTP/1.1 on loopback or a unix socket, for those who look at the daemon: GET only, one answer a connection, a few connections at a
 * time, each with an end. All of it happens inside these calls, and none waits.
 */
#pragma once
#include "user/util/buf.h"
#include <stdbool.h>
#include <stdint.h>

struct serve;
struct serve_request; /* valid until it was answered */

/* `path` without the query; answers now, or later. */
typedef void (*serve_fn)(void *ctx, struct serve_request *q, const char *path);

/* "127.0.0.1:9100", "[::1]:9100", "localhost:9100" or "unix:/run/x.sock"; other addresses are refused. 0 or negative errno, which was said. */
int serve__new(const char *where, serve_fn fn, void *ctx, struct serve **out);
/* Requests that were not answered end, too. */
void serve__free(struct serve *s);
/* Where it is: "http://127.0.0.1:9100", or the path of its socket. */
const char *serve__url(const struct serve *s);
int serve__fd(const struct serve *s); /* readable when __poll has something to do */
void serve__poll(struct serve *s, uint64_t now_ns);

/* A parameter of the query, decoded; NULL: not there. Lives as long as the request. */
const char *serve_request__param(const struct serve_request *q, const char *name);
/* Has the client gone meanwhile? It is to be answered all the same. */
bool serve_request__is_gone(const struct serve_request *q);
/* Takes the body. */
void serve_request__answer(struct serve_request *q, int status, const char *type, struct buf *body);
/* With the contents of a file, which is closed in the end. */
void serve_request__answer_file(struct serve_request *q, int status, const char *type, int fd);
