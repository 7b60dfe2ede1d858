/*
 * _Py_DebugOffsets: from 3.13 on each build carries the offsets of its own structs at the start of
 * _PyRuntime, as initialised data, so the file is enough.
 */
#pragma once
#include "user/python/build.h"

#define DEBUG_OFFSETS_HEADER 24 /* cookie, version, free_threaded: the same in all versions */

/* The header's facts; false when the bytes (DEBUG_OFFSETS_HEADER of them) are no such table. */
bool debug_offsets_header(const void *bytes, uint32_t *version_hex, bool *free_threaded);
/* Bytes of the whole table of 3.`minor`; 0 when that layout is not known here. */
size_t debug_offsets_bytes(unsigned minor);
/*
 * Puts the table's offsets into the build (layout and objects, already filled from the version
 * table). NULL, or in plain words what is wrong with it. `runtime_bytes`: size of _PyRuntime in the
 * file.
 */
const char *debug_offsets_apply(const void *bytes, unsigned minor, uint64_t runtime_bytes,
				struct py_build *out);
