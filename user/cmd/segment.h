/* SPDX-License-Identifier: MIT */
/*
 * A recording in the making and the outputs that belong to it: those of a whole run, or with
 * --rotate those of the stretch between two rotations.
 */
#pragma once
#include "user/cmd/outputs.h"
#include "user/format/recording.h"

struct segment {
	struct outputs outputs;      /* with this segment's own names */
	struct recording *recording; /* NULL once it is closed */
	char *path;                  /* where the recording is until it takes its place */
	bool keep;                   /* it holds something: if its outputs are never made, it stays */
	struct output *file;         /* the recording's; NULL once it is in its place */
	struct segment *next;
};

/*
 * Begins a recording beside the first output that is a file, so that a crash leaves it where people
 * look. `stamp` becomes part of all names; NULL: none. 0 or negative errno.
 */
int segment__open(const struct outputs *o, const char *stamp, struct segment **out);
/* Ends the recording; 0 or the error that cut it. */
int segment__close(struct segment *w);
/*
 * Makes every output from the recording, which takes its own place last, or goes if it was not asked
 * for; then, when one fails, it stays where it is. The rest is written also when one fails. `look` sees what was
 * recorded; NULL: nobody does.
 */
int segment__write(struct segment *w, const struct view *v,
		   void (*look)(const struct profile *p, const struct view *v));
/* After a failed write: where the recording is, unless it was asked for itself. */
void segment__say_kept(const struct segment *w);
/* Removes the recording's file, and nothing else: for a signal handler that is about to end us. */
void segment__remove(const struct segment *w);
/* NULL is fine. */
void segment__free(struct segment *w);
