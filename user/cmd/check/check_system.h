/* SPDX-License-Identifier: MIT */
/* The first half of `check`: the kernel, our privileges, and a self-test that loads, attaches and waits for a tick. */
#pragma once
#include "user/cmd/check/check_list.h"
#include "user/session/session.h"

/* `o`: the options of the recording that is planned. */
void check_system(struct check_list *l, const struct session_options *o);
