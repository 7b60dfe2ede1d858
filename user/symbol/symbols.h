/* SPDX-License-Identifier: MIT */
/*
 * Functions of one file by their address, as linked. Of several names for one place always the same one is taken: that which
 * people use. Where there is no name there may be a function all the same: .eh_frame has them all.
 */
#pragma once
#include "user/symbol/elf.h"

struct symbols;

struct symbols_found {
	const char *name;    /* as in the file; NULL: none. Valid as long as the symbols */
	uint64_t start, end; /* of the function; `start` 0: not known */
};

/* Those of `e`: .symtab, .dynsym and .gnu_debugdata. */
struct symbols *symbols__read(const struct elf_file *e);
/* Adds those of a file that was split off it (its debug information). */
void symbols__add(struct symbols *s, const struct elf_file *debug);
void symbols__free(struct symbols *s);
/* Has it the names of functions that it does not export? */
bool symbols__has_all(const struct symbols *s);

struct symbols_found symbols__find(struct symbols *s, uint64_t vaddr);
/* Bytes that it takes. */
size_t symbols__bytes(const struct symbols *s);
