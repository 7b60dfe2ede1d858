/* SPDX-License-Identifier: MIT */
/* Names of native functions as people write them. They come from files that nobody vouches for: bounded, and cleaned. */
#pragma once
#include <stddef.h>

#define DEMANGLE_MAX 512 /* bytes of a name, with its zero; a longer one is cut and ends with "…" */

/*
 * C++ without parameters, Rust without the hash; what compilers add for parts and copies of a function (".cold", ".part.0") is
 * dropped, so that a function is one. Others as they are. The caller frees.
 */
char *demangle(const char *name);
