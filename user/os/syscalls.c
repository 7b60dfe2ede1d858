/* SPDX-License-Identifier: MIT */
/* The table is made from <sys/syscall.h> when the program is built: numbers differ by architecture. */
#include "user/os/syscalls.h"
#include "user/util/alloc.h"

static const char *const names[] = {
#include <user/os/syscalls.inc>
};

const char *syscall_name(long number)
{
	return number >= 0 && (size_t)number < ARRAY_SIZE(names) ? names[number] : NULL;
}
