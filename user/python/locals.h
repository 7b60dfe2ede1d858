/* SPDX-License-Identifier: MIT */
/*
 * Arguments and local variables of a frame, with short texts of their values; read by offsets, nothing is
 * executed. Memory is hostile: depth, lengths and the number of reads are capped.
 */
#pragma once
#include "user/os/memory.h"
#include "user/python/build.h"

struct py_local {
	char *name, *type, *text; /* clean UTF-8; `type` as "int", "module.Class" */
	uint64_t addr;
	bool argument;
};

struct py_locals {
	struct py_local *items;
	size_t cnt;
};

struct py_locals_reader {
	const struct py_build *build;
	memory_read_fn read;
	void *ctx;
	size_t max_text; /* longest text of a value, in bytes */
};

/* Variables that have a value now, arguments first, each group in the order of the code; cells are looked into. */
void py_locals_read(const struct py_locals_reader *r, uint64_t frame_addr, uint64_t code_addr, struct py_locals *out);
void py_locals_free(struct py_locals *l);
