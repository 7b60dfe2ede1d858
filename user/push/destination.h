/* SPDX-License-Identifier: MIT */
/* Where to: "pyroscope+https://host:4040/prefix" is a back end and a URL. */
#pragma once
#include "user/push/backend.h"

struct destination {
	const struct backend *backend;
	char *url;    /* of its requests: "https://host:4040/prefix/push.v1.PusherService/Push" */
	char *shown;  /* as it was given, without what may be secret: "pyroscope+https://host:4040/prefix" */
	char *folder; /* a name for files that are about it, the same each time, of no other destination */
};

/* 0, or -EINVAL (said, with what to write instead). */
int destination__parse(const char *text, const struct backend *const *known, struct destination *out);
void destination__clear(struct destination *d);
