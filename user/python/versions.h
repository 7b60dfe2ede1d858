/*
 * THE version table: one row per CPython minor, x86-64, default builds (GIL, release). A new minor
 * is a row in versions.c (and from 3.13 on one in debug_offsets.c), nothing else.
 */
#pragma once
#include "user/python/build.h"

struct py_version {
	unsigned minor;
	enum line_table_kind lines;
	/* What the file itself says about the build, to be compared before anything is believed. */
	uint32_t runtime_bytes; /* sizeof(_PyRuntime); 0 where patch releases differ */
	uint32_t code_basicsize, frame_basicsize, unicode_basicsize; /* Py…_Type.tp_basicsize */
	bool debug_offsets; /* the layout's offsets come from the build's own _Py_DebugOffsets */
	struct abi_py_layout layout;
	struct py_objects objects;
};

#define PY_VERSION_OLDEST 8u
#define PY_VERSION_NEWEST 13u

/* The row of 3.`minor`, or NULL. */
const struct py_version *py_version_find(unsigned minor);
/* Whether every member lies in the block the kernel side reads for it. */
bool py_layout_fits(const struct abi_py_layout *layout);
