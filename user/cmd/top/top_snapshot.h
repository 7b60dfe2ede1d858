/* A snapshot of the whole run so far, written by a process of its own so that the view goes on meanwhile. */
#pragma once
#include "user/cmd/top/top_source.h"
#include "user/profile/view.h"

struct top_snapshot {
	pid_t pid; /* 0: none is being written */
	int said;  /* what the writer says comes from here */
	char text[512];
	size_t len;
};

/* The format is that of the name. 0, or negative errno; why is said. */
int top_snapshot__start(struct top_snapshot *t, struct top_source *source, const char *path, const struct view *view);
/* Readable when there is something to take; -1: nothing to wait for. */
int top_snapshot__fd(const struct top_snapshot *t);
/* When it is finished: passes on what the writer said (a log message) and is ready for the next one. */
void top_snapshot__take(struct top_snapshot *t);
/* Waits for the one that is being written. */
void top_snapshot__finish(struct top_snapshot *t);
