/* SPDX-License-Identifier: MIT */
/*
 * Request bodies on disk: what finds no room in memory, or cannot be sent now, outlives this process there. A folder per
 * destination, a file per body, as it is sent; its name says when it was made and how many samples it has. Bounded in bytes, the
 * oldest make room. For any number of threads; one process at a time.
 */
#pragma once
#include "user/push/queue.h"

struct push_spool;

/*
 * The folder `name` in `dir`; both are made if need be. What a former run left there is found: its finished bodies wait, and
 * `lost` counts those that it was writing, or that there is no room for. 0 or negative errno (said).
 */
int push_spool__open(const char *dir, const char *name, uint64_t max_bytes, struct push_spool **out,
		     struct push_count *lost);
void push_spool__free(struct push_spool *s);

/*
 * Writes it; it stays the caller's. What had to go for it is added to `lost`. 0 or negative errno (said, but once a minute at
 * most): no room on the disk even without all that is older, say; then it is not there, and not in `lost`.
 */
int push_spool__put(struct push_spool *s, const struct push_body *b, struct push_count *lost);
/* The oldest, read; NULL: there is none. Its file stays, and nothing makes it go, until done() or put_back(). */
struct push_body *push_spool__take(struct push_spool *s, struct push_count *lost);
/* Removes the file of what was taken, and frees it. */
void push_spool__done(struct push_spool *s, struct push_body *b);
/* It was not sent: it is the oldest again. Frees what was read. */
void push_spool__put_back(struct push_spool *s, struct push_body *b);
void push_spool__count(struct push_spool *s, struct push_count *out);
