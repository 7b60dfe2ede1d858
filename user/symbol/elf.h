/* SPDX-License-Identifier: MIT */
/*
 * Reading ELF files (64-bit, little-endian). Files come from profiled containers, so they are hostile:
 * a wrong file gives an error, never a crash, and no size in it is believed beyond a cap.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_file;

/*
 * Opens an already opened regular file; `fd` stays the caller's and must outlive the object. NULL when
 * it is no usable ELF executable or library.
 */
struct elf_file *elf_file__open(int fd);
void elf_file__free(struct elf_file *e);

/* Machine (EM_…) and whether it is linked at fixed addresses (ET_EXEC). */
unsigned elf_file__machine(const struct elf_file *e);
/* Where a program starts, as linked; 0: it is a library. */
uint64_t elf_file__entry(const struct elf_file *e);

/* A loadable segment's part of the file, by number; false when there is none of that number. */
struct elf_part {
	uint64_t vaddr, offset, bytes;
	bool exec;
};
bool elf_file__part(const struct elf_file *e, size_t number, struct elf_part *out);

/* Linked address of the lowest executable segment: what the kernel calls a program's start_code. */
bool elf_file__start_code(const struct elf_file *e, uint64_t *vaddr);
/*
 * A pointer of this program that the loader sets to a symbol of `library`: where it is (linked address in
 * the program) and the symbol's linked address in the library. Through it a process tells where its
 * library is. False when the program imports nothing from it by itself.
 */
bool elf_file__import(const struct elf_file *e, const struct elf_file *library, uint64_t *slot, uint64_t *symbol);

/* Linked address and size of a defined symbol, from .dynsym or .symtab. */
bool elf_file__symbol(const struct elf_file *e, const char *name, uint64_t *vaddr, uint64_t *size);
/* Copies the beginning of a function's code, at most `max` bytes; how many, 0: there is none. `vaddr`: where it begins. */
size_t elf_file__code(const struct elf_file *e, const char *name, uint8_t *code, size_t max, uint64_t *vaddr);
/* Linked address and size of a section. */
bool elf_file__section(const struct elf_file *e, const char *name, uint64_t *vaddr, uint64_t *size);
#define ELF_LIBPYTHON "libpython3." /* configure.ac: LDLIBRARY; "libpython3.11.so.1.0", "libpython3.13td.so.1.0" */
/* The first of its DT_NEEDED that begins like this; NULL none. Caller frees. */
char *elf_file__needed(const struct elf_file *e, const char *beginning);
/* Whether it stands alone: it needs no library and no dynamic linker. */
bool elf_file__is_static(const struct elf_file *e);
/* Whether it has a note of the GNU system that it is built for (NT_GNU_ABI_TAG), as glibc's start files have. */
bool elf_file__has_abi_note(const struct elf_file *e);
/* The search path of its libraries (DT_RUNPATH or DT_RPATH, "$ORIGIN" as it is); NULL none. Caller frees. */
char *elf_file__run_path(const struct elf_file *e);
/* Copies initialised data at a linked address; zeros beyond a segment's file part; false when unmapped. */
bool elf_file__read(const struct elf_file *e, uint64_t vaddr, void *out, size_t len);
/* A pointer-sized variable as the loader will set it, as a linked address: relative relocations applied. */
bool elf_file__read_pointer(const struct elf_file *e, uint64_t vaddr, uint64_t *value);
/* A copy of .eh_frame, where it is as linked, and its length; NULL when there is none. Caller frees. */
uint8_t *elf_file__unwind_bytes(const struct elf_file *e, uint64_t *vaddr, size_t *len);
