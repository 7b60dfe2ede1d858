/* SPDX-License-Identifier: MIT */
/*
 * Work that may never end, because what it touches belongs to a profiled process: memory behind a file system that
 * does not answer, paths that lead to one, files made to be slow to read. It is done by a child process, since nothing
 * else can be left behind: a thread that waits in the kernel, uninterruptibly, keeps all of its process from ending.
 *
 * The child is made when first needed, has a copy of everything here at that moment, and serves one request after the
 * other. One that does not come to an end is left behind, with a word to the user, and so is the process it was
 * about: nothing is asked about that for a while.
 */
#pragma once
#include "user/util/buf.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Runs in the child: its result, `reply` and its messages are all that comes back. Pointers in `arg` lead to the
 * child's copy.
 */
typedef int (*worker_fn)(const void *arg, struct buf *reply);

struct worker_task {
	pid_t pid; /* the process that it is about */
	worker_fn fn;
	const void *arg;
	size_t len;
	unsigned stall_ms; /* without any progress; 0: what is bearable while records are drained */
	unsigned total_ms; /* of waiting and of computing, each; 0: … */
};

/*
 * The function's own result, with its `reply`. Else -ETIMEDOUT: it was left behind, now or lately; -EIO: it did not
 * survive. Within the child itself the function is simply called.
 */
int worker_call(const struct worker_task *t, struct buf *reply);
/* Is this the child? */
bool worker_is_inside(void);
/* 0: there is none now. */
pid_t worker_pid(void);
/* CPU time of the child so far; less than before when there is a new one. */
uint64_t worker_cpu_ns(void);
/*
 * While there is something to read here (a signalfd), the user wants an end: patience is short, and after a moment
 * nothing is asked any more, which is as if nobody answered.
 */
void worker_set_hurry(int fd);
/* The same from a time on (CLOCK_MONOTONIC); 0: no more. */
void worker_set_end(uint64_t ns);
void worker_end_now(void);
bool worker_is_over(void);

/*
 * A child of its own for what needs no answers: `serve` gets its end of a socket of whole messages, and nothing else
 * of ours; we get the other end, which does not block. Its number, or negative errno.
 */
pid_t worker_start(void (*serve)(int fd), int *fd);
/* Never waits for it: one that cannot be killed yet will be, and is in nobody's way until then. */
void worker_leave(pid_t pid, int fd);
