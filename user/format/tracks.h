/* SPDX-License-Identifier: MIT */
/*
 * Timelines know threads by their numbers alone, but the kernel gives numbers out again and a
 * process keeps its own through exec: here those that share one are numbered.
 */
#pragma once
#include "user/profile/profile.h"

struct tracks {
	/* By id: how many before it have the same pid, the same tid. 0: the first, shown as it is. */
	uint32_t *process_copy, *thread_copy;
};

struct tracks *tracks__new(const struct profile *p);
void tracks__free(struct tracks *t);
/* Python's or the kernel's name of a thread, else its number. Caller frees. */
char *tracks_thread_name(const struct profile *p, uint32_t thread);
/* "Python 3.12.1, pod=shop-1, unit=app.service"; "" where nothing is known. Caller frees. */
char *tracks_process_labels(const struct profile *p, uint32_t process);
/* The name of a process: its command, else its number. Caller frees. */
char *tracks_process_name(const struct profile *p, uint32_t process);
