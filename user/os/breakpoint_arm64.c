/* SPDX-License-Identifier: MIT */
#ifdef __aarch64__
#include "user/os/breakpoint.h"
#include <sys/user.h>

/* brk #0 */
const struct breakpoint breakpoint_own = {{0x00, 0x00, 0x20, 0xd4}, 4, offsetof(struct user_regs_struct, pc), 0};
#endif
