/* SPDX-License-Identifier: MIT */
/*
 * Inside of struct elf_file, shared by elf.c (headers, segments, sections), elf_symbols.c (dynamic
 * section, symbols, relocations), elf_index.c (symbols by name), symbols.c (by address) and others of this folder.
 */
#pragma once
#include "user/symbol/elf.h"
#include <elf.h>

#define ELF_MAX_LOADS    64
#define ELF_MAX_SECTIONS 4096
#define ELF_MAX_BLOB     (64u << 20) /* symbol tables of the largest Python builds have under 10 MiB */

struct elf_load {
	uint64_t vaddr, offset, file_bytes, mem_bytes;
	bool exec;
};

struct elf_symtab {
	Elf64_Sym *symbols;
	size_t count;
	char *names; /* ends with a NUL of our own */
	size_t names_len;
	bool tried;
	/* the index: numbers of symbols from 1 on, 0 for empty */
	uint32_t *slots;
	size_t slot_mask;
	uint64_t secret;
};

struct elf_file {
	int fd;
	uint64_t file_size;
	unsigned machine;
	uint64_t entry;
	struct elf_load loads[ELF_MAX_LOADS];
	size_t load_count;
	uint64_t dynamic_vaddr, dynamic_bytes;
	uint64_t unwind_header; /* address of .eh_frame_hdr; 0: none */
	bool has_loader, is_gnu;
	Elf64_Shdr *sections;
	size_t section_count;
	char *section_names;
	size_t section_names_len;
	/* Read at first use. */
	struct elf_symtab dynsym, symtab;
	Elf64_Rela *relocs;
	size_t reloc_count;
	bool relocs_tried;
};

/* A copy of a part of the file with one NUL behind it; NULL when it is not there or over the cap. */
void *elf_file__blob(const struct elf_file *e, uint64_t offset, uint64_t len);
/* The same by linked address. */
void *elf_file__blob_at(const struct elf_file *e, uint64_t vaddr, uint64_t len);
/* Relocations of data (DT_RELA) or of imported functions (DT_JMPREL); the caller frees the entries. */
struct elf_relocs {
	Elf64_Rela *entries;
	size_t count;
};
struct elf_relocs elf_file__relocs(const struct elf_file *e, bool functions);
/* Name of a dynamic symbol by its index; NULL when there is none. */
const char *elf_file__dynamic_name(const struct elf_file *e, size_t index);
/*
 * Calls `fn` for each symbol with a name, of .dynsym or of .symtab, until it returns false; the name ends with a NUL. False: there
 * is no such table.
 */
typedef bool (*elf_symbol_fn)(void *ctx, const Elf64_Sym *s, const char *name);
bool elf_file__each_symbol(const struct elf_file *e, bool dynamic, elf_symbol_fn fn, void *ctx);
/* A copy of a section's bytes in the file, also of one that is not loaded; NULL: none. */
void *elf_file__section_blob(const struct elf_file *e, const char *name, size_t *len);
/* The first defined symbol of that name. */
void elf_index__build(struct elf_symtab *t);
const Elf64_Sym *elf_index__find(const struct elf_symtab *t, const char *name);
