/* SPDX-License-Identifier: MIT */
/*
 * The recording (.pybpf): written while it happens, read back by every command. Layout in chunk.h and record.h. This is
 * its streaming writer; the format table has its reader and the writer of a profile.
 */
#pragma once
#include "user/profile/profile.h"

struct recording;

/* Writes the file header to `fd`, an empty file open for writing that stays the caller's. */
int recording__create(int fd, struct recording **out);
/* The sink to record into. A chunk is written whenever a quarter of a megabyte is there. */
struct profile_sink recording__sink(struct recording *r);
/*
 * Writes what is buffered as a chunk: what a reader still has after SIGKILL. The first failure (a
 * full disk) ends the recording at its last whole chunk: it is logged once, what comes later is
 * dropped, and this function and __close return its error from then on.
 */
int recording__flush(struct recording *r);
/* Bytes in the file so far. */
uint64_t recording__bytes(const struct recording *r);
/* Flushes and frees; NULL is fine. Does not close the file. */
int recording__close(struct recording *r);

/* Of the format table: back into a profile. */
int recording_read(const char *path, struct profile **out);
