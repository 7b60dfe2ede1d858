/* SPDX-License-Identifier: MIT */
/* Of a stream what some processes did, chosen by what their labels say. */
#pragma once
#include "user/profile/sink.h"

struct only;

/* Processes with a label `key` whose value is `value`; of `container` the beginning of the id will do, too. `value` is copied. */
struct only *only__new(struct profile_sink out, const char *key, const char *value);
struct profile_sink only__sink(struct only *o);
void only__free(struct only *o);
