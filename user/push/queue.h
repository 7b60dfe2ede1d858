/* SPDX-License-Identifier: MIT */
/* Request bodies that wait to be sent: bounded in bytes, the oldest make room for new ones. For any number of threads. */
#pragma once
#include "user/util/buf.h"
#include <stdbool.h>
#include <stdint.h>

struct push_body {
	struct push_body *next;
	struct buf bytes;
	uint64_t samples;
	uint64_t unix_ns; /* when it was made */
	uint32_t seq;     /* tells those of one moment apart */
	bool is_gzip;
	unsigned tries; /* that failed for good reasons: how many more there will be depends on it */
	void *file;     /* of the spool that it came from; NULL: it is in memory only */
};

/* Takes what is in `bytes`. */
struct push_body *push_body__new(struct buf *bytes, uint64_t samples);
void push_body__free(struct push_body *b);

struct push_count {
	uint64_t bodies, samples, bytes;
};
void push_count__add(struct push_count *c, const struct push_body *b);

struct push_queue;
struct push_queue *push_queue__new(uint64_t max_bytes);
void push_queue__free(struct push_queue *q);

/*
 * Adds it at the end. What had to go for it is given back, a list with the oldest first, which the caller disposes of; it is
 * among them when it alone is larger than the queue.
 */
struct push_body *push_queue__put(struct push_queue *q, struct push_body *b);
/* The oldest; NULL: there is none. */
struct push_body *push_queue__take(struct push_queue *q);
/* Back to where it was; false: there is no room any more, and it stays the caller's. */
bool push_queue__put_back(struct push_queue *q, struct push_body *b);
void push_queue__count(struct push_queue *q, struct push_count *out);
/*
 * Waits until something is put or somebody wakes the waiter, or until then (CLOCK_MONOTONIC; 0: for ever). What happened since
 * the last wait counts, so none is missed.
 */
void push_queue__wait(struct push_queue *q, uint64_t until_ns);
void push_queue__wake(struct push_queue *q);
