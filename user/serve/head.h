/* SPDX-License-Identifier: MIT */
/* The head of an HTTP request, from bytes that anybody may have sent. Pure. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#define HEAD_MAX    8192
#define HEAD_PARAMS 16

struct head {
	bool without_body; /* HEAD: the answer is its header alone */
	const char *path;  /* decoded, without the query */
	struct head_param {
		const char *name, *value;
	} params[HEAD_PARAMS];
	size_t param_cnt;
	const char *host; /* whom it was sent to, as it says; NULL: it does not (HTTP/1.0) */
};

/* Bytes up to the empty line that ends a head, with it; 0: it is not there yet. */
size_t head_length(const char *bytes, size_t len);
/*
 * Takes apart `text`, a whole head with a zero behind it, in place: what `out` points to lies there. 0, or the HTTP status to
 * refuse it with, and why.
 */
int head_parse(char *text, size_t len, struct head *out, const char **why);
/* Does the name with or without a port mean this machine for everybody? */
bool head_is_loopback(const char *host);
