/* SPDX-License-Identifier: MIT */
/*
 * Source texts of code that has no file, as long as the process that runs it has them: cells of a notebook, what attrs
 * or doctest made. They are asked for when code of a file that is none was met, and when all ends.
 */
#pragma once
#include "user/profile/sink.h"
#include "user/resolve/known.h"

struct held_sources {
	struct profile_sink sink;
	uint32_t segment;
	struct pair_map on_disk; /* (digest of a name) → 1: files that are there in our own root */
	size_t text_bytes;       /* of all processes */
	uint64_t rest_until_ns;  /* nothing is asked before */
	uint64_t last_took_ns;
	unsigned frugal; /* as in struct threads */
};

void held__init(struct held_sources *h, struct profile_sink sink);
void held__free(struct held_sources *h);
void held__begin_segment(struct held_sources *h, struct profile_sink sink);

/* The process runs code of this file. */
void held__meet(struct held_sources *h, struct known *k, const char *file);
/* Asks, if it is time to. `last`: as sampling ends. */
void held__read(struct held_sources *h, struct known *k, uint64_t now_ns, bool last);
/* Sends what is new of it. */
void held__send(struct held_sources *h, struct known *k);
/* The process has ended, and its texts have been sent. */
void held__forget(struct held_sources *h, struct known *k);
void held__clear(struct held *own);
