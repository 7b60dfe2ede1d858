/* SPDX-License-Identifier: MIT */
/* The running kernel: its version, what it has, and its settings (sysctl). */
#pragma once
#include <stdbool.h>

/* "6.18" or newer? True for "": no version brought it. False where the kernel's own cannot be told. */
bool kernel_is_since(const char *version);
/* Of two such texts the newer one. */
const char *kernel_newer(const char *a, const char *b);
/* Does the kernel's type information have something of this name? False where there is none. */
bool kernel_names(const char *name);
/* /proc/sys/NAME as a number, `otherwise` when it cannot be read. */
long setting_read(const char *name, long otherwise);
