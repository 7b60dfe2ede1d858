/* SPDX-License-Identifier: MIT */
/* Names of types, as tracebacks and repr() have them. */
#pragma once
#include "user/python/objects.h"

/* "int", "collections.OrderedDict", "__main__.Outer.Inner"; NULL when it cannot be read. The caller frees. */
char *type_name(struct object_reader *r, uint64_t type, uint64_t flags);
/* The same of an object's type. */
char *object_type_name(struct object_reader *r, uint64_t addr);
