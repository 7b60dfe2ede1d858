/* SPDX-License-Identifier: MIT */
/*
 * The kernel's clocks beside what was sampled: a sample stands for its period and for nothing else, so the two agree as
 * far as chance goes, unless the timers do not see all (code that runs with interrupts off, a thread that was
 * elsewhere, ticks that were lost).
 */
#pragma once
#include "user/profile/profile.h"

struct cpu_check {
	uint64_t clock_ns;   /* CPU time by the kernel's clock; 0 unknown */
	uint64_t sampled_ns; /* samples, and ticks that gave none and are known to be its */
};

/* By process id; [0] is the sum of those with a clock. The caller frees. */
struct cpu_check *cpu_checks_new(const struct profile *p);
/* Worth a line of its own: differs by a twentieth, and by more than chance would have it. */
bool cpu_check_differs(const struct cpu_check *c, double rate_hz);
/* "0.37 s by its clock, 0.22 s sampled". The caller frees. */
char *cpu_check_text(const struct cpu_check *c);
