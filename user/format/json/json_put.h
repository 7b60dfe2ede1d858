/* SPDX-License-Identifier: MIT */
/* Values in JSON of reports, for scripts and people. */
#pragma once
#include "user/profile/sink.h"
#include "user/util/json_put.h"

/* "own_seconds", or "own_amount" of what is no time; `what` is what comes before: "own_". */
void json_put_value(struct json_put *j, const struct profile_value_type *t, const char *what, uint64_t value);
