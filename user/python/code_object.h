/* SPDX-License-Identifier: MIT */
/*
 * Reading a code object of a live process from user space: for the few that the kernel side could not
 * read itself. The object may die meanwhile, so what is read is only as good as the process's patience.
 */
#pragma once
#include "user/os/memory.h"
#include "user/python/build.h"
#include "user/python/line_table.h"

struct code_reader {
	const struct abi_py_layout *layout;
	memory_read_fn read;
	void *ctx;
	size_t table_max; /* bytes; a larger line table is left out */
};

struct code_object {
	char *name, *file; /* clean UTF-8; of the two one may be "[unreadable]" */
	char *module;      /* as code_module() has it */
	int32_t first_line;
	void *table; /* NULL when unreadable or too large */
	size_t table_len;
	struct line_table lines; /* for who asks for many; the table, once its kind is known */
};

/* 0, or negative errno when its names cannot be read. `globals_addr`: of a frame that runs it; 0: none. */
int code_object_read(const struct code_reader *r, uint64_t addr, uint64_t globals_addr, struct code_object *out);
void code_object_clear(struct code_object *c);

/*
 * Python 3.13 and newer put a frame of _Py_InitCleanup (Python/specialize.c) below each __init__ that a call of a class
 * was specialised to: a static code object with a file name of its own and no lines. Tracebacks do not show it either.
 */
bool code_is_machinery(const char *name, const char *file, int32_t first_line);

/*
 * A module's name as far as it is known, as one text: its name; that of its package and a dot, where it is the main
 * program and its own name stands in the path only; or "". `text` is clean, NULL when unreadable; `flags` ABI_TEXT_…
 */
char *code_module(const char *text, unsigned flags);
