/* SPDX-License-Identifier: MIT */
/* Suggestions for mistyped words. */
#pragma once
#include <stddef.h>

/* Letters to insert, drop, change or swap (with a neighbour) between two words; case counts nothing. */
size_t nearest_distance(const char *a, const char *b);
/*
 * The word of a NULL-terminated list that `word` is most like: a beginning of it, or few letters
 * away; NULL when none is.
 */
const char *nearest_word(const char *word, const char *const *choices);
/* "did you mean b? Known are a, b and c", or "known are a, b and c". Caller frees. */
char *nearest_hint(const char *word, const char *const *choices);
/* The same of a list in one text, "a, b, c". */
char *nearest_hint_of(const char *word, const char *list);
