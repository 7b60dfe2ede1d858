/* SPDX-License-Identifier: MIT */
/*
 * The sets of labels that this node has sent lately: only so many, since each is a series in a back end. One that was not sent for
 * an hour makes room for another.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERIES_REST_NS 3600000000000ull

struct series;

/* `max` 0: no cap. */
struct series *series__new(uint32_t max);
void series__free(struct series *s);
/* Forgets those that had their hour; `now_ns` is the wall clock, which may be set back. */
void series__tend(struct series *s, uint64_t now_ns);
/* May one with this key be sent? Then it is known from now on. */
bool series__admit(struct series *s, const void *key, size_t len, uint64_t now_ns);
size_t series__cnt(const struct series *s);
