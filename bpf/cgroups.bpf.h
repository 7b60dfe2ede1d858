/* Is a task in one of the chosen cgroups, as the kernel sees it at this moment? */
#pragma once
#include "bpf/maps.bpf.h"

#ifndef PYBPF_HOST
u32 cgroups_hold_current(void);
#endif
