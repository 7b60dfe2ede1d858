/* SPDX-License-Identifier: MIT */
/* What the writer and the reader of our JSON agree on; the rest is in profile.schema.json. */
#pragma once
#include "user/profile/profile.h"

#define JSON_SCHEMA "pybpfprof/1"

/* Words of our JSON for whose a function is, what it is, what values are in, and where paths lead ("": not said). */
const char *json_origin(const struct profile_function *f);
extern const char *const json_kinds[PROFILE_KINDS];
extern const char *const json_units[PROFILE_UNITS];
extern const char *const json_roots[PROFILE_ROOTS];

/* For `const struct format format_json`. */
int json_read(const char *path, struct profile **out);
bool json_probe(const unsigned char *head, size_t len);
