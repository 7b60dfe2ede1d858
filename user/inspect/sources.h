/* SPDX-License-Identifier: MIT */
/*
 * Line numbers do not fit a source that was changed after the process had read it. The time of reading is not known,
 * but it is not before the start of the process, or of the one that it was forked from.
 */
#pragma once
#include "user/inspect/inspect.h"
#include "user/util/buf.h"

/* Names of the files that are on the stacks of threads and tasks, each once, with a zero behind it. */
void sources_list(const struct inspection *s, struct buf *names);
/*
 * Those of such a list that were changed since. Called after the worker has answered: a file on a file system that does
 * not answer must not cost the stacks.
 */
void sources_find_changed(pid_t pid, const char *names, size_t len, struct buf *changed);
