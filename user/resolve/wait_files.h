/* SPDX-License-Identifier: MIT */
/* Kinds of files that threads wait for: the kernel side's names of them, and those of /proc's reader. */
#pragma once
#include "user/os/causes.h"
#include <stdint.h>

/* Of an enum abi_fd; CALL_FILE_OTHER of what is none. */
enum call_file wait_file(unsigned fd);
/* The enum abi_fd that is that. */
uint8_t wait_fd(enum call_file file);
