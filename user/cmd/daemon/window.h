/* SPDX-License-Identifier: MIT */
/* Windows of the daemon's stream: each becomes a profile of its own, in memory, and is gone when it has been handed over. */
#pragma once
#include "user/cmd/daemon/stream.h"
#include "user/profile/profile.h"

struct window {
	struct profile_builder *builder;
	struct stream_part *part;
};

/* From the stream's next cut on. */
void window__begin(struct window *w, struct stream *s);
/* Until the stream's next cut. */
void window__end(struct window *w, struct stream *s);
/* Behind that cut: the profile, the caller's. */
struct profile *window__take(struct window *w);

/*
 * When the wall clock next shows a multiple of `window_ns`, as time of CLOCK_MONOTONIC; not within the first tenth of
 * a window, so that a clock that was set a little makes no window of nothing.
 */
uint64_t window_end_ns(uint64_t window_ns);
