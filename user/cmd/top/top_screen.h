/* SPDX-License-Identifier: MIT */
/* `top` on a terminal. */
#pragma once
#include "user/cmd/top/top_output.h"
#include "user/cmd/top/top_source.h"

/* Until q or a signal; the terminal has been entered and is left by the caller. enum cmd_exit. */
int top_screen_run(struct top_source *source, struct top_output *output, int signals);
