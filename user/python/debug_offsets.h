/* SPDX-License-Identifier: MIT */
/*
 * _Py_DebugOffsets: from 3.13 on each build carries the offsets of its own structs at the start of
 * _PyRuntime, as initialised data, so the file is enough.
 */
#pragma once
#include "user/python/build.h"

struct debug_offsets; /* where such a table has what; the rows of versions.c name them */
extern const struct debug_offsets debug_offsets_313, debug_offsets_314, debug_offsets_315;

#define DEBUG_OFFSETS_HEADER 24 /* cookie, version, free_threaded: the same in all versions */

/* The header's facts; false when the bytes (DEBUG_OFFSETS_HEADER of them) are no such table. */
bool debug_offsets_header(const void *bytes, uint32_t *version_hex, bool *free_threaded);
/* Bytes of the whole table. */
size_t debug_offsets_bytes(const struct debug_offsets *d);
/*
 * Puts the table's offsets into the build (layout and objects, already filled from the version table). NULL, or in
 * plain words what is wrong with it. `runtime_bytes`: size of _PyRuntime in the file.
 */
const char *debug_offsets_apply(const struct debug_offsets *d, const void *bytes, uint64_t runtime_bytes,
				struct py_build *out);
