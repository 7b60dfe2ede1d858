/* SPDX-License-Identifier: MIT */
/* The answer of an HTTP/1.1 server, from its bytes as they come. Pure; the bytes are hostile. */
#pragma once
#include "user/util/buf.h"
#include <stdbool.h>
#include <stdint.h>

enum http_wire_state {
	HTTP_WIRE_HEAD, /* status line and headers, of an interim answer (1xx) too */
	HTTP_WIRE_BODY,
	HTTP_WIRE_DONE,
	HTTP_WIRE_BAD, /* no HTTP, or more than is borne; `why` says it */
};

struct http_wire {
	enum http_wire_state state;
	const char *why;
	int status;       /* known from HTTP_WIRE_BODY on */
	bool keeps_alive; /* the connection may be used again once it is done */
	uint64_t retry_after_ns;
	struct buf body; /* at most HTTP_ANSWER_MAX of it */
	/* Within. */
	bool is_tunnel; /* the answer to CONNECT: has no body when it is good */
	bool chunked, to_end;
	uint64_t left;       /* of the body, or of this chunk */
	unsigned part;       /* of a chunk */
	uint64_t total;      /* bytes seen */
	struct buf line;     /* that is not at its end */
	uint64_t now_unix_s; /* dates are taken against it */
};

void http_wire__init(struct http_wire *w, bool is_tunnel, uint64_t now_unix_s);
void http_wire__clear(struct http_wire *w);
/* Takes the next bytes. How many of them belong to this answer; the rest was not asked for. */
size_t http_wire__feed(struct http_wire *w, const char *bytes, size_t len);
/* The connection has ended. */
void http_wire__end(struct http_wire *w);

/* "120" or "Sun, 06 Nov 1994 08:49:37 GMT", as nanoseconds from now on; 0: now, or it means nothing. */
uint64_t http_retry_after(const char *text, uint64_t now_unix_s);
