/* SPDX-License-Identifier: MIT */
/* libcap, and the numbers that its older headers lack (include/uapi/linux/capability.h). */
#pragma once
#include <sys/capability.h>

#ifndef CAP_BPF
#define CAP_PERFMON 38
#define CAP_BPF     39
#endif
#ifndef CAP_CHECKPOINT_RESTORE
#define CAP_CHECKPOINT_RESTORE 40
#endif
