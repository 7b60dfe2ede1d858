/* SPDX-License-Identifier: MIT */
/* One stream into several sinks, each of which gets all of it in the same order. */
#pragma once
#include "user/profile/sink.h"
#include <stddef.h>

struct tee {
	struct profile_sink *sinks;
	size_t cnt, cap;
};

/* All zeros is a tee without sinks. */
void tee__add(struct tee *t, struct profile_sink sink);
/* Valid until the next __add. */
struct profile_sink tee__sink(struct tee *t);
void tee__free(struct tee *t);
