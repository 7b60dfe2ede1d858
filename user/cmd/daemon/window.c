/* SPDX-License-Identifier: MIT */
#include "user/cmd/daemon/window.h"
#include "user/util/clock.h"

void window__begin(struct window *w, struct stream *s)
{
	w->builder = profile_builder__new(false);
	w->part = stream__add(s, profile_builder__sink(w->builder));
}

void window__end(struct window *w, struct stream *s)
{
	stream__remove(s, w->part);
	w->part = NULL;
}

struct profile *window__take(struct window *w)
{
	struct profile *p = w->builder ? profile_builder__finish(w->builder) : NULL;

	w->builder = NULL;
	return p;
}

uint64_t window_end_ns(uint64_t window_ns)
{
	uint64_t left = window_ns - clock_unix_ns() % window_ns;

	if (left < window_ns / 10)
		left += window_ns;
	return clock_now_ns() + left;
}
