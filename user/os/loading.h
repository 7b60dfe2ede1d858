/* SPDX-License-Identifier: MIT */
/*
 * A program that we start ourselves can be looked at before it runs: its loader has done its work and not an instruction
 * of its own was executed when it is held. By ptrace, which is over before anything is recorded.
 */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

/* Is it what is waited for? Else it may be a program that only starts another one, as env does. */
typedef bool (*loading_fn)(pid_t pid);

struct loading {
	pid_t pid;  /* 0: nothing is traced */
	int signal; /* that it was about to get when it was held */
};

/* Begins to trace a child that has yet to exec; it dies with us from here on. False: that is not permitted. */
bool loading_begin(struct loading *l, pid_t pid);
/*
 * Lets it exec and holds it where its program begins: the first one that `wanted` is true of, as long as one follows soon.
 * Where that place is not reached in time it is held where it is. False when it has ended, which is left to be waited for.
 */
bool loading_run(struct loading *l, loading_fn wanted);
/* Lets it go on by itself; legal when nothing is traced. */
void loading_end(struct loading *l);
