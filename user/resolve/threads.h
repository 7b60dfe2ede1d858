/* SPDX-License-Identifier: MIT */
/* Threads of a process image in the profile, with the best name that can be had for each. */
#pragma once
#include "user/profile/sink.h"
#include "user/resolve/known.h"

struct threads {
	struct profile_sink sink;
	struct known *known; /* all of them, for its own and for who describes processes */
	uint32_t cnt;        /* ids given out in this segment */
	uint32_t segment;
	uint32_t readings;
	uint64_t rest_until_ns, last_took_ns;
	unsigned frugal; /* they are asked for so many times as rarely; 0: once */
};

/* From here on the profile is another one, which knows no ids yet; `now_ns`: CLOCK_MONOTONIC, of the latest records. */
void threads__begin_segment(struct threads *t, struct profile_sink sink, uint64_t now_ns);

/* The profile's id of the thread a sample is from; described on first sight. */
uint32_t threads__id(struct threads *t, struct known *k, const struct abi_sample *s);
/* Had the thread of this sample a Python state in an earlier one? */
bool threads__was_python(struct known *k, const struct abi_sample *s);
/* The name of the thread with this ident; `sure` false: a better one may come. NULL: no sample of it has come yet. */
const char *threads__name(const struct known *k, uint64_t ident, bool *sure);
/*
 * Asks the live process for names that are not known yet, and now and then for all of them, since threads are renamed.
 * `last`: as sampling ends. False when it was not asked.
 */
bool threads__read_names(struct threads *t, struct known *k, uint64_t now_ns, bool last);
