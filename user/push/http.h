/* SPDX-License-Identifier: MIT */
/*
 * HTTP POST, for one destination at a time from one thread. Two implementations: http_curl.c (libcurl), and http_own.c for the
 * static binary (HTTP/1.1 over mbedTLS). TLS certificates are always verified.
 */
#pragma once
#include "user/util/buf.h"
#include <stdbool.h>
#include <stdint.h>

struct http_request {
	const char *url;            /* http:// or https:// */
	const char *const *headers; /* "Name: value" */
	size_t header_cnt;
	const char *body;
	size_t len;
	const char *ca_file; /* NULL: the system's */
	const char *proxy;   /* NULL: as the environment says */
	uint64_t timeout_ns; /* for all of it */
	const bool *stop;    /* atomically read: give up at once; NULL never */
};

struct http_answer {
	int status;              /* 0: there was no answer, and `error` says why */
	bool connected;          /* the request may have arrived */
	uint64_t retry_after_ns; /* Retry-After, seconds or a date; 0 none */
	struct buf body;         /* at most HTTP_ANSWER_MAX of it */
	char error[256];
};
#define HTTP_ANSWER_MAX 65536

struct http;
struct http *http__new(const char *user_agent);
/* Keeps the connection for the next. The answer is the caller's to clear. */
void http__post(struct http *h, const struct http_request *q, struct http_answer *out);
void http_answer__clear(struct http_answer *a);
void http__free(struct http *h);
/* "libcurl 7.88.1", "mbedTLS 2.28.3": for --version. */
const char *http_version(void);
