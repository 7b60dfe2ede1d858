/* SPDX-License-Identifier: MIT */
/* Waits that hold nothing up: of threads that have nothing to do until somebody gives them work. */
#pragma once
#include "bpf/abi.h"
#include "user/os/causes.h"
#include "user/resolve/codes.h"

/* What kind of idleness it is ("pool worker"); NULL: something is held up, or so it seems. All its names must be known. */
const char *idle_word(const struct codes *c, const struct abi_sample *rec, enum cause cause);
