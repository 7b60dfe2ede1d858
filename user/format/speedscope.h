/* SPDX-License-Identifier: MIT */
/* What a speedscope file is made of; shared by speedscope.c and speedscope_tracks.c. */
#pragma once
#include "user/profile/timeline.h"
#include "user/profile/view.h"
#include "user/util/intern.h"
#include "user/util/json_put.h"

/* An entry of a profile of the file: what followed each other with the same stack. */
struct scope_run {
	uint64_t value;
	uint32_t list;
};
struct scope_track {
	struct scope_run *runs;
	size_t cnt, cap;
	uint64_t value;
};

struct scope {
	const struct profile *p;
	const struct view *v;
	struct timeline *timeline;
	struct intern *frames;        /* → index + 1 in shared.frames */
	struct intern *lists;         /* frames of a stack, root first → list */
	uint32_t *frame_of, *list_of; /* by frame and by stack of the profile; 0: not made yet */
	uint32_t *room;               /* for the frames of one stack */
	size_t index_size;            /* bytes of the index of a frame and its comma, at most */
	uint64_t begin_ns;            /* of the time axis, with --timestamps */
	uint64_t slice_ns;            /* 0: every sample has its own place */
};

void scope__open(struct scope *w, const struct profile *p);
void scope__close(struct scope *w);
/* What is asked for from now on is of this view. -EIO when the samples cannot be read (said already). */
int scope__look(struct scope *w, const struct view *v);

/* The samples of a thread, in order of time; the caller frees the runs, as it does for all. */
struct scope_track scope__thread(struct scope *w, uint32_t thread);
/* All threads: each stack once, in the order of first sight. */
struct scope_track scope__all(struct scope *w);

/* Elements of shared.frames, and an element of "samples". */
void scope__put_frames(const struct scope *w, struct json_put *j);
void scope__put_list(const struct scope *w, uint32_t list, struct json_put *j);
