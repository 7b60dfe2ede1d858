/* SPDX-License-Identifier: MIT */
/*
 * --rotate: one recording after another without a pause between them. The outputs of those that are
 * closed are made by a process of their own, one segment at a time, while sampling goes on.
 */
#pragma once
#include "user/cmd/keep.h"
#include "user/cmd/segment.h"
#include <sys/types.h>

struct rotation {
	uint64_t every_ns, bytes; /* either is 0 */
	const struct view *view;
	struct keep keep; /* outputs NULL: all of them */
	uint64_t due_ns, not_before_ns;
	uint64_t last_stamp;          /* seconds */
	struct segment *first, *last; /* closed segments; the first is in the hands of `child` */
	pid_t child;                  /* 0: none */
	size_t written, failed;       /* segments whose outputs were made, and could not be */
};

/* "60", "5m", "10MB"; 0, or -EINVAL with a sentence. */
int rotation__parse(struct rotation *r, const char *text, const char **why);
static inline bool rotation__is_on(const struct rotation *r)
{
	return r->every_ns || r->bytes;
}

/* The time in the names of a segment that begins now: 20261122T184005Z, never the same twice. Caller frees. */
char *rotation__stamp(struct rotation *r);
/* Is it time to begin the next segment? `bytes`: what the recording has so far. */
bool rotation__is_due(struct rotation *r, uint64_t now_ns, uint64_t bytes);
/* The next segment could not be begun: not so soon again. */
void rotation__postpone(struct rotation *r, uint64_t now_ns);
/* Takes a closed segment. */
void rotation__hand_over(struct rotation *r, struct segment *w);
/* Sees what the child has done and gives it the next; call it now and then. */
void rotation__look(struct rotation *r);
/* Waits until the outputs of all segments are made. */
void rotation__finish(struct rotation *r);
