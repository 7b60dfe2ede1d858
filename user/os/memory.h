/* Memory of another process, read without stopping it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct memory {
	pid_t pid;
	int file; /* /proc/PID/mem, once the system call was refused; -1 before */
	bool refused; /* neither way is allowed */
	struct memory_page *pages;
	bool looking;  /* pages are kept */
	uint64_t look; /* those of earlier looks do not count */
};

void memory_open(struct memory *m, pid_t pid);
void memory_close(struct memory *m);
/* On to another process (all zeros: from none), with the room that there is for pages. */
void memory_turn_to(struct memory *m, pid_t pid);
/*
 * Begins a look: from now on whole pages are read and kept, since what is read lies close together. What changes
 * meanwhile is not noticed, so a look is short. memory_look_away() ends it.
 */
void memory_look(struct memory *m);
void memory_look_away(struct memory *m);
/* All of it, or a negative errno (-EFAULT: not all there). `ctx` is a struct memory. */
int memory_read(void *ctx, uint64_t addr, void *out, size_t len);
