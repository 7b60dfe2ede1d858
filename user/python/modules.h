/* SPDX-License-Identifier: MIT */
/* The modules of an interpreter, read from outside. */
#pragma once
#include "user/python/objects.h"

/* The address of the dict of names of a module in sys.modules; 0 when it is not there. */
uint64_t module_dict(struct object_reader *r, uint64_t interp, const char *name);
/* A name in the dict at this address. */
bool module_find(struct object_reader *r, uint64_t dict, const char *name, uint64_t *value);
/* An attribute of an instance of a Python class. */
bool instance_find(struct object_reader *r, uint64_t instance, const char *name, uint64_t *value);
