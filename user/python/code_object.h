/*
 * Reading a code object of a live process from user space: for the few that the kernel side could not
 * read itself. The object may die meanwhile, so what is read is only as good as the process's patience.
 */
#pragma once
#include "user/python/build.h"
#include "user/python/thread_names.h" /* memory_read_fn */

struct code_object {
	char *name, *file; /* clean UTF-8; of the two one may be "[unreadable]" */
	int32_t first_line;
	void *table; /* NULL when unreadable */
	size_t table_len;
};

/* 0, or negative errno when its names cannot be read. */
int code_object_read(const struct abi_py_layout *layout, uint64_t addr, memory_read_fn read, void *ctx,
		     struct code_object *out);
void code_object_clear(struct code_object *c);
