/* SPDX-License-Identifier: MIT */
/* A window as pprof profiles, for the back ends that take those: one for each group and type of values, more where that is too much. */
#pragma once
#include "user/push/group.h"
#include "user/util/buf.h"

struct push_profile {
	const struct push_group *group;
	const char *type;  /* of its values */
	struct buf packed; /* gzip; the callee may take it */
	size_t bytes;      /* unpacked */
	uint64_t samples;
};

typedef void (*push_profile_fn)(void *ctx, struct push_profile *p);
void push_profiles(const struct push_window *w, push_profile_fn fn, void *ctx);
