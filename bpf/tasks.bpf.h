/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The task of asyncio's that a thread runs, and who awaits it: Python 3.14 and newer, which say where they have it. */
#pragma once
#include "bpf/maps.bpf.h"

/* Once the thread of w->tstate_addr has been walked: w->sample.tasks_key, and a record of what that means at first sight. */
u32 tasks_take(struct walk *w);
