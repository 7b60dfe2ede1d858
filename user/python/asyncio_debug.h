/* SPDX-License-Identifier: MIT */
/*
 * What the asyncio module of 3.14 and newer says of itself in the file it is in (section .AsyncioDebug): the program,
 * libpython, or a library that is mapped once asyncio is imported.
 */
#pragma once
#include "user/python/build.h"

#define ASYNCIO_DEBUG_WORDS 13

/* False, with all zeros in `out`, when these are no such offsets. */
bool asyncio_debug_decode(const uint64_t words[ASYNCIO_DEBUG_WORDS], struct py_asyncio_debug *out);
/* The same from a file. */
bool asyncio_debug_read(const struct elf_file *e, struct py_asyncio_debug *out);
/* Are they of such a build, as far as its version's layout tells? */
bool asyncio_debug_fits(const struct py_asyncio_debug *debug, const struct py_build *build);
/* Has the kernel side read tasks by them, if they fit. */
void asyncio_debug_apply(const struct py_asyncio_debug *debug, struct py_build *build);
