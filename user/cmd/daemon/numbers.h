/* SPDX-License-Identifier: MIT */
/* The daemon's numbers, gathered from its parts for /metrics. */
#pragma once
#include "user/cmd/daemon/answers.h"

void numbers_put(const struct answers *a, struct buf *out);
