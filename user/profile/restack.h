/* SPDX-License-Identifier: MIT */
/* A profile with the stacks of another one, made into others: of more frames, or fewer. */
#pragma once
#include "user/profile/owned.h"
#include "user/util/pair_map.h"

/* It has the tables of `p` but for functions, frames, stacks and buckets, of which several may have one thread and stack. */
struct restack {
	const struct profile *p; /* outlives it */
	struct owned *o;         /* the new one */
	struct pair_map stacks;  /* (new parent, frame) → new stack */
	size_t function_cap, frame_cap, first_cap, stack_cap;
};

/* Buckets have the stacks of `p` still, which the caller replaces; `deeper`: by stacks of so many frames more, at most. */
void restack__begin(struct restack *r, const struct profile *p, size_t deeper);
/* A new function, like this one but for its name, and its frame. Takes `name`. */
uint32_t restack__frame(struct restack *r, const struct profile_function *like, char *name);
uint32_t restack__stack(struct restack *r, uint32_t parent, uint32_t frame);
/* Which stack a sample has now; `ctx`, which is freed with the profile, or at once if there are no single samples. */
typedef uint32_t (*restack_fn)(void *ctx, const struct profile_sample *s);
struct profile *restack__end(struct restack *r, restack_fn of, void *ctx, void (*free_ctx)(void *ctx));
/* One that restack__end() gave; NULL is fine. */
void restack__free(struct profile *p);
