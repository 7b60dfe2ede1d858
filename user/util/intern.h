/* SPDX-License-Identifier: MIT */
/*
 * Bytes → small ids, dense from 1. Used for strings, frames and stacks alike: equal bytes always give
 * the same id, so a key struct must have no uninitialised padding.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct intern;

struct intern *intern__new(void);
void intern__free(struct intern *t);

/* The id of these bytes; they are copied on first sight. */
uint32_t intern__id(struct intern *t, const void *bytes, size_t len);
/* The same without making one; 0: they have none. */
uint32_t intern__find(const struct intern *t, const void *bytes, size_t len);
/* The bytes of an id (NUL-terminated behind their end), valid until intern__free; "" for id 0. */
const void *intern__bytes(const struct intern *t, uint32_t id, size_t *len);
/* How many ids exist; the newest id. */
uint32_t intern__count(const struct intern *t);
