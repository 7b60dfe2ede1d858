/*
 * Reading ELF files (libelf). Files come from profiled containers, so they are hostile: a wrong file
 * gives an error, never a crash. Nothing is kept open: callers close with elf_file__free.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_file;

/* Opens an already opened regular file; `fd` stays the caller's. NULL when it is no usable ELF file. */
struct elf_file *elf_file__open(int fd);
void elf_file__free(struct elf_file *e);

/* Machine (EM_…) and whether it is linked at fixed addresses (ET_EXEC). */
unsigned elf_file__machine(const struct elf_file *e);
/* Linked address of the file's offset 0 (p_vaddr - p_offset of the first PT_LOAD). */
uint64_t elf_file__base(const struct elf_file *e);

/* Linked address and size of a defined symbol, from .dynsym or .symtab. */
bool elf_file__symbol(const struct elf_file *e, const char *name, uint64_t *vaddr, uint64_t *size);
/* Linked address and size of a section. */
bool elf_file__section(const struct elf_file *e, const char *name, uint64_t *vaddr, uint64_t *size);
/* Copies initialised data at a linked address; zeros beyond a segment's file part; false when unmapped. */
bool elf_file__read(const struct elf_file *e, uint64_t vaddr, void *out, size_t len);
