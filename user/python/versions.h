/* SPDX-License-Identifier: MIT */
/*
 * THE version table: one row per CPython minor, and one more for its free-threaded build. A new minor is a row in
 * versions.c (and, where _Py_DebugOffsets changed, a list of positions in debug_offsets.c), nothing else.
 */
#pragma once
#include "user/python/build.h"

struct debug_offsets;

struct py_version {
	unsigned minor;
	bool free_threaded; /* Py_GIL_DISABLED */
	enum line_table_kind lines;
	/* Facts that the file itself shows, to be compared before anything is believed. */
	const char *code_name, *code_lines; /* PyCode_Type's names for layout.code_name_off, .code_lines_off */
	uint32_t code_basicsize, frame_basicsize, unicode_basicsize; /* Py…_Type.tp_basicsize */
	uint32_t runtime_bytes;            /* sizeof(_PyRuntime); 0 where patch releases differ */
	unsigned runtime_mutexes;          /* that it has before what the kernel side reads: Python/ceval_gil.h */
	uint32_t older_bytes, older_shift; /* of early ones; what follows `gc` in it lies so much earlier */
	const struct debug_offsets *debug; /* the layout's offsets come from the build's own _Py_DebugOffsets */
	struct abi_py_layout layout;
	struct py_objects objects;
};

/* All of them, oldest first, with no gap; the default build before the free-threaded one. */
const struct py_version *py_versions(size_t *cnt);
/* The row of 3.`minor`, of its default or its free-threaded build, or NULL. */
const struct py_version *py_version_find(unsigned minor, bool free_threaded);
/* Takes the row's facts into a build, with those of the C library as they mostly are (py_build_tls_from_libc()). */
void py_version_apply(const struct py_version *row, struct py_build *out);
/*
 * Whether a _PyRuntime of this size is one that the row knows, perhaps with mutexes that take so many bytes more. Puts `out`
 * right where it is such a one, or an older one.
 */
bool py_version_fits_runtime(const struct py_version *row, uint64_t bytes, uint32_t more, struct py_build *out);
/* Sets what follows from the rest: how much is read of a frame, and the way to an interpreter's number. */
void py_build_complete(struct py_build *out);
/* Whether every member lies in the block the kernel side reads for it. */
bool py_layout_fits(const struct abi_py_layout *layout);
