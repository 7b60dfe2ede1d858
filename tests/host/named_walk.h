/* SPDX-License-Identifier: MIT */
/* The walker over host.memory, with the names of what it finds, as a recording has them. */
#pragma once
#include "tests/host/kernel.h"
#include "user/python/build.h"

struct named_frame {
	const char *name, *file, *module; /* "[unknown]" and twice "" when it could not be read */
	s32 first_line, line;
};

struct named_walk;

/* Both must outlive it, the build and host.memory. */
struct named_walk *named_walk__new(const struct py_build *build, u64 runtime_addr);
void named_walk__free(struct named_walk *t);

/* One thread, by pthread_self(): an outcome. The frames and the GIL are those of the last walk. */
u32 named_walk__thread(struct named_walk *t, u64 ident);
u32 named_walk__cnt(const struct named_walk *t);
/* Leaf first. Valid until the end. */
struct named_frame named_walk__frame(const struct named_walk *t, u32 i);
u8 named_walk__gil(const struct named_walk *t);
