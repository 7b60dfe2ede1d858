/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Is a task in one of the chosen cgroups, as the kernel sees it at this moment? */
#pragma once
#include "bpf/maps.bpf.h"

u32 cgroups_hold_current(void);
