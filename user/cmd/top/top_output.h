/* SPDX-License-Identifier: MIT */
/* The output of the profiled command while the screen is ours: its end is kept and shown afterwards. */
#pragma once
#include <stddef.h>

#define TOP_OUTPUT_MAX 65536

struct top_output {
	int from; /* a pipe; -1: not in use */
	char text[TOP_OUTPUT_MAX];
	size_t len, at; /* a ring: `at` is where the next byte goes */
};

/* 0 or negative errno (said). `stdio` are the descriptors for the command, which the caller closes when it has them. */
int top_output__open(struct top_output *o, int stdio[3]);
void top_output__take(struct top_output *o);
/* Takes the rest and writes all that was kept to our own standard output. */
void top_output__show(struct top_output *o);
void top_output__close(struct top_output *o);
