/* SPDX-License-Identifier: MIT */
/* Names of system calls. */
#pragma once

/* "futex"; NULL when the headers this was built with do not know the number. */
const char *syscall_name(long number);
