/* What the writer and the reader of our JSON agree on; the rest is in profile.schema.json. */
#pragma once
#include "user/profile/profile.h"

#define JSON_SCHEMA "pybpfprof/1"

/* Words of `enum profile_origin`. */
extern const char *const json_origins[PROFILE_ORIGINS];

/* For `const struct format format_json`. */
int json_read(const char *path, struct profile **out);
bool json_probe(const unsigned char *head, size_t len);
