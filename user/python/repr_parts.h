/* SPDX-License-Identifier: MIT */
/* Shared by repr.c, repr_values.c and repr_numpy.c. */
#pragma once
#include "user/python/objects.h"
#include "user/python/objects_common.h"
#include "user/util/buf.h"

#define REPR_DEPTH 10

struct repr {
	struct object_reader *r;
	struct buf out;
	size_t max;
	uint64_t path[REPR_DEPTH]; /* what is being written, outermost first */
	unsigned depth;
};

/* Each appends one kind of object; false when it cannot be read: what was appended does not count then. */
typedef bool (*repr_fn)(struct repr *p, uint64_t addr);

bool repr_int(struct repr *p, uint64_t addr);
bool repr_bool(struct repr *p, uint64_t addr);
bool repr_float(struct repr *p, uint64_t addr);
bool repr_float32(struct repr *p, uint64_t addr);
bool repr_complex(struct repr *p, uint64_t addr);
bool repr_str(struct repr *p, uint64_t addr);
bool repr_bytes(struct repr *p, uint64_t addr);
bool repr_bytearray(struct repr *p, uint64_t addr);
/* A scalar of numpy, by its type's name without "numpy.". */
bool repr_numpy(struct repr *p, uint64_t addr, const char *type);
