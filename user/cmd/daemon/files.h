/* SPDX-License-Identifier: MIT */
/* The daemon's -o: recordings of some windows each, and the outputs made from them (user/cmd/rotation.h). */
#pragma once
#include "user/cmd/daemon/stream.h"
#include "user/cmd/rotation.h"

struct files {
	const struct outputs *outputs;
	struct rotation rotation;
	struct segment *segment, *last; /* being written; and until the next cut the one before */
	struct stream_part *part;
};

static inline bool files__are_wanted(const struct files *f)
{
	return f->outputs->cnt > 0;
}

/* Begins the first one, or the next, with the stream's next cut. 0 or negative errno. */
int files__begin(struct files *f, struct stream *s);
/* With the next cut: other outputs, or none. What is written so far is finished as it was. 0 or negative errno. */
int files__change(struct files *f, const struct outputs *outputs, const struct rotation *r, struct stream *s);
/* Behind the cut: hands the one before over to be made into outputs. */
void files__end_last(struct files *f);
/*
 * Flushes and looks after what is being made; call it each second or so. What a full disk cut was said; the next file is
 * tried when its time comes.
 */
void files__tend(struct files *f);
/* Behind the last cut: waits until all outputs are made. 0, or -EIO: some could not be. */
int files__finish(struct files *f, struct stream *s);
