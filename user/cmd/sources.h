/* SPDX-License-Identifier: MIT */
/*
 * The source texts that go with a profile: each from the root of the processes that ran it, by the rights of theirs
 * and ours, and only if it is older than the first of them; of code without a file what the processes had themselves.
 */
#pragma once
#include "user/profile/view.h"

struct sources;

/* The profile must outlive it. Nothing is looked for before the first text is asked for. */
struct sources *sources__new(const struct profile *p);
void sources__free(struct sources *s);
struct view_sources sources__view(struct sources *s);
