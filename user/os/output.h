/* SPDX-License-Identifier: MIT */
/*
 * Files that appear whole or not at all: written under a temporary name in the same directory and renamed at the end.
 * Under sudo they belong to the invoking user; until they are in their place, and without output__share(), they are readable
 * by nobody else.
 */
#pragma once
#include <stdbool.h>
#include <stdio.h>

struct output;

/* "-", and the links of the system that mean the same. */
bool output__is_stdout(const char *path);
/* Could `path` be written? Asked before work begins; leaves nothing behind. "-" is standard output. */
int output__check(const char *path);
/* Whether both name the same file, however they spell its directory. */
bool output__is_same(const char *a, const char *b);

/* NULL when it cannot be created (said already). */
struct output *output__open(const char *path);
/*
 * For a file that is of use before it is finished, the recording: its temporary name is visible,
 * begins like `path` and ends in `suffix`, and the file stays there if the program dies.
 */
struct output *output__open_lasting(const char *path, const char *suffix);
/* Its path until it is committed. Caller frees. */
char *output__temp_path(const struct output *o);
/* A path that what was written can be read from, also when its name is gone (the folder was removed). Caller frees. */
char *output__read_path(const struct output *o);
/* Whether the file still has the name that output__temp_path() says. */
bool output__is_in_place(const struct output *o);
/* Leaves the file under its temporary name and frees `o`. */
void output__leave(struct output *o);
FILE *output__stream(struct output *o);
/* Others may read it once it is committed, as far as the umask has it. */
void output__share(struct output *o);
/*
 * Puts the file in its place and frees `o`; on failure nothing is left behind. -EPIPE, in silence:
 * the reader of standard output went away, which is no failure of ours.
 */
int output__commit(struct output *o);
/* Throws away what was written and frees `o`; legal on NULL. */
void output__abort(struct output *o);

/* Removes its temporary file; for signal handlers that are about to die. */
void output__remove(const struct output *o);
/* Removes the temporary files of all open outputs; for signal handlers that are about to die. */
void output__remove_all(void);
