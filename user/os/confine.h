/* SPDX-License-Identifier: MIT */
/*
 * What a program that runs for long takes from itself once all is open: system calls that it has no use for, core files, and
 * programs with more rights than it has. Nothing of it can be taken back, and whatever is forked later has it, too. The
 * capabilities are privileges_keep_only()'s.
 */
#pragma once

/*
 * For all threads. Other calls than those of the list in confine.c fail with EPERM, which under -v the kernel's log shows. 0 or
 * negative errno, which was said; then it goes on without.
 */
int confine_calls(void);
/* No core file, which would hold what was read of others, and no other process of this user's looks in. */
void confine_memory(void);
