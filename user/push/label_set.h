/* SPDX-License-Identifier: MIT */
/* Labels of one process, by name; names and values are copies. */
#pragma once
#include "user/push/group.h"
#include <stdbool.h>

#define LABEL_VALUE_MAX 2048 /* bytes; what back ends take (Pyroscope's limit) */

struct label_set {
	struct push_label *items; /* in the order of their names */
	size_t cnt, cap;
};

/* "" when there is none. */
const char *label_set__get(const struct label_set *s, const char *name);
/* Takes the place of an older value, if there is one; it is cleaned and cut at LABEL_VALUE_MAX. "" or NULL: none. */
void label_set__put(struct label_set *s, const char *name, const char *value);
void label_set__clear(struct label_set *s);
/* Appends all of it as bytes that are equal for equal sets, and only for those. */
struct buf;
void label_set__key(const struct label_set *s, struct buf *out);

/* Is it [a-zA-Z_][a-zA-Z0-9_]*? */
bool label_name_is_valid(const char *name);
/* The nearest valid one. Caller frees. */
char *label_name_made_valid(const char *name);
