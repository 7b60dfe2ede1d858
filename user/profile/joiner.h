/* SPDX-License-Identifier: MIT */
/*
 * Segments of a stream, each with ids of its own, joined into one: a consumer may so have more of them than one, and begin
 * and end where it likes. What is the same in several (a process image, a thread, a function by all that is said of it)
 * has one id.
 */
#pragma once
#include "user/profile/sink.h"

struct joiner;
struct joiner_segment;

struct joiner *joiner__new(struct profile_sink out);
/* Its segments are to be ended before. NULL is fine. */
void joiner__free(struct joiner *j);

/* The next segment; the one before may still send what it has until it is ended. */
struct joiner_segment *joiner__begin(struct joiner *j);
struct profile_sink joiner_segment__sink(struct joiner_segment *s);
void joiner_segment__end(struct joiner_segment *s);
