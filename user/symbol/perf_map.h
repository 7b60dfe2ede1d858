/* SPDX-License-Identifier: MIT */
/*
 * Names of code that a process made at run time, as it says them itself: /tmp/perf-PID.map, a line "START SIZE NAME" each, in
 * hexadecimal. It may be long, grow, and say whatever its author likes.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct perf_map;

/* An empty one. */
struct perf_map *perf_map__new(pid_t pid);
void perf_map__free(struct perf_map *m);
/* Reads the file as far as it is not read yet, as the process has it; one that belongs to somebody else is none. */
void perf_map__refresh(struct perf_map *m);
/* The same with text at hand. */
void perf_map__parse(struct perf_map *m, const char *text, size_t len);
/* The function that has this address: the one that was written last. NULL: none. */
const char *perf_map__find(struct perf_map *m, uint64_t addr, uint64_t *start);
size_t perf_map__bytes(const struct perf_map *m);
