/* SPDX-License-Identifier: MIT */
/* `top` without a screen: a table or a JSON object for each interval, for pipes, logs and scripts. */
#pragma once
#include "user/cmd/top/top_source.h"

/* Until the source ends or a signal comes; enum cmd_exit. `signals` is a signalfd. */
int top_plain_run(struct top_source *s, int signals);
