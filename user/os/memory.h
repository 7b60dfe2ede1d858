/* SPDX-License-Identifier: MIT */
/* Memory of another process, read without stopping it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct memory {
	int file; /* /proc/PID/mem; -1: it could not be opened, … */
	int err;  /* … and that is what reading says */
	struct memory_page *pages;
	bool looking;  /* pages are kept */
	uint64_t look; /* those of earlier looks do not count */
};

void memory_open(struct memory *m, pid_t pid);
void memory_close(struct memory *m);
/*
 * Begins a look: from now on whole pages are read and kept, since reads lie close together. Changes made meanwhile are
 * not noticed, so a look is short. memory_look_away() ends it.
 */
void memory_look(struct memory *m);
void memory_look_away(struct memory *m);
/* A reader of memory, of a live process or of an image of one: 0 when all of it was read, or a negative errno. */
typedef int (*memory_read_fn)(void *ctx, uint64_t addr, void *out, size_t len);
/* One of these (-EFAULT: not all there); `ctx` is a struct memory. */
int memory_read(void *ctx, uint64_t addr, void *out, size_t len);
