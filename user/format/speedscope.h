/* What a speedscope file is made of; shared by speedscope.c and speedscope_tracks.c. */
#pragma once
#include "user/profile/timeline.h"
#include "user/profile/view.h"
#include "user/util/intern.h"

/* An entry of a profile of the file: what followed each other with the same stack. */
struct scope_run {
	uint64_t value_ns;
	uint32_t list;
};
struct scope_track {
	struct scope_run *runs;
	size_t cnt, cap;
	uint64_t value_ns;
};

struct scope {
	const struct profile *p;
	const struct view *v;
	struct timeline *timeline;
	struct intern *frames;        /* JSON of a frame → its index + 1 in shared.frames */
	struct intern *lists;         /* JSON of a stack's frames, root first → list */
	uint32_t *frame_of, *list_of; /* by frame and by stack of the profile; 0: not made yet */
	uint32_t *room;               /* for the frames of one stack */
	uint64_t begin_ns;            /* of the time axis, with --timestamps */
	uint64_t slice_ns;            /* 0: every sample has its own place */
};

/* -EIO when the samples cannot be read (said already); scope__close is legal then too. */
int scope__open(struct scope *w, const struct view *v, const struct profile *p);
void scope__close(struct scope *w);

/* The samples of a thread, in order of time; the caller frees the runs, as it does for all. */
struct scope_track scope__thread(struct scope *w, uint32_t thread);
/* All threads: each stack once, in the order of first sight. */
struct scope_track scope__all(struct scope *w);
