/* SPDX-License-Identifier: MIT */
#ifdef __x86_64__
#include "user/os/breakpoint.h"
#include <sys/user.h>

/* int3 */
const struct breakpoint breakpoint_own = {{0xcc}, 1, offsetof(struct user_regs_struct, rip), 1};
#endif
